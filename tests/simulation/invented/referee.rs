//! Is what came out what was promised? `DESIGN` section 2 for databases whose numbers change.
//!
//! References are judged by whom they mean: every one must mean what somebody once set it to mean, whatever number that is by now.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OpenFlags};

use super::super::referee::{Evidence, Held, Listed, decided_once, sound};
use super::application::Deeds;
use super::content::{Content, Snapshot, name_of};
use super::schema::Invented;

/// Everything that is not as promised.
pub fn judge(invented: &Invented, evidence: &Evidence<'_>, deeds: &Deeds) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut contents = Vec::new();
    for (name, _, path) in &evidence.sites {
        let read = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .and_then(|connection| Snapshot::read(invented, &connection));
        let (content, twice) = match read {
            Ok(snapshot) => snapshot.content(invented),
            Err(error) => return vec![format!("UNREADABLE {name}: {error}")],
        };
        wrong.extend(twice.into_iter().map(|identity| format!("TWICE {identity} at {name}")));
        let mut tokens = BTreeMap::new();
        for (identity, record) in &content {
            if let Some(other) = tokens.insert(&record.token, identity) {
                wrong.push(format!("TWICE {} at {name}: {other} and {identity}", record.token));
            }
        }
        wrong.extend(sound(name, path));
        contents.push(content);
    }
    let host = &contents[0];
    wrong.extend(same(invented, evidence, &contents, deeds));
    wrong.extend(nothing_lost(evidence, host, deeds));
    let judged = Judged { invented, evidence, deeds };
    wrong.extend(judged.no_delete_lost(host));
    wrong.extend(judged.references_are_right(host));
    wrong.extend(judged.no_reference_lost(host));
    wrong.extend(losers_are_told(evidence));
    wrong.extend(decided_once(evidence));
    let waiting = evidence.held.iter().filter(|held| !held.lasting);
    wrong.extend(waiting.map(|held| format!("STILL HELD at {}: {held:?}", evidence.sites[held.site].0)));
    wrong
}

/// Every record by table and key, in words.
pub fn records(invented: &Invented, connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let (content, _) = Snapshot::read(invented, connection)?.content(invented);
    let said = content.into_iter().map(|(identity, record)| {
        let texts: Vec<String> = record.texts.iter().map(|(column, value)| format!("{column} {value}")).collect();
        let references: Vec<String> = record.references.iter().map(|(column, meaning)| format!("{column} -> {meaning}")).collect();
        (identity, format!("[{}] {} {}; {}", record.key, record.token, texts.join(", "), references.join(", ")))
    });
    Ok(said.collect())
}

/// Invariant 1: what means the same, under the same keys.
fn same(invented: &Invented, evidence: &Evidence<'_>, contents: &[Content], deeds: &Deeds) -> Vec<String> {
    let mut wrong = Vec::new();
    for (child, (name, parent, _)) in evidence.sites.iter().enumerate() {
        let Some(parent) = *parent else { continue };
        let between = |held: &&Held| (held.site, held.from) == (child, parent) || (held.site, held.from) == (parent, child);
        let held: BTreeSet<(&str, &str)> =
            evidence.held.iter().filter(between).map(|held| (held.table.as_str(), held.key.as_str())).collect();
        let (here, there) = (&contents[child], &contents[parent]);
        let identities: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
        for identity in identities {
            let (ours, theirs) = (here.get(identity), there.get(identity));
            let known = ours.or(theirs).expect("one of them has it");
            let table = invented.tables[known.table].name.as_str();
            // A record that waits at the parent goes there by the number it had when it was sent.
            let waits =
                || deeds.keys.get(identity).into_iter().flatten().chain([&known.key]).any(|key| held.contains(&(table, key.as_str())));
            if ours != theirs && !waits() {
                wrong.push(format!("DIVERGE {identity}: {name} has {ours:?}, {} has {theirs:?}", evidence.sites[parent].0));
            }
        }
    }
    wrong
}

/// Invariant 2, for values; the token of a record is one.
fn nothing_lost(evidence: &Evidence<'_>, host: &Content, deeds: &Deeds) -> Vec<String> {
    let there: BTreeSet<&String> = host.values().flat_map(|record| record.texts.values().chain([&record.token])).collect();
    let listed: BTreeSet<&String> = evidence.conflicts.iter().flat_map(|listed| &listed.losers).collect();
    let held: BTreeSet<&String> = evidence.held.iter().flat_map(|held| &held.values).collect();
    let lost = deeds.written.iter().filter(|written| {
        let value = &written.value;
        !there.contains(value) && !deeds.superseded.contains(value) && !listed.contains(value) && !held.contains(value)
    });
    lost.map(|written| {
        format!("LOST {} of {}.{} edited at {}", written.value, written.identity, written.column, evidence.sites[written.site].0)
    })
    .collect()
}

/// Invariant 7, but for the key: numbers differ between sites until all is told.
fn losers_are_told(evidence: &Evidence<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for listed in &evidence.conflicts {
        let Some(site) = listed.loser_site.as_ref().and_then(|name| evidence.sites.iter().position(|site| site.0 == name)) else {
            continue;
        };
        let told = |other: &&Listed| {
            other.site == site && (&other.kind, &other.table, &other.field) == (&listed.kind, &listed.table, &listed.field)
        };
        if evidence.conflicts.iter().find(told).is_none() {
            wrong.push(format!("NOT TOLD {}: {listed:?}", evidence.sites[site].0));
        }
    }
    wrong
}

struct Judged<'e> {
    invented: &'e Invented,
    evidence: &'e Evidence<'e>,
    deeds: &'e Deeds,
}

impl Judged<'_> {
    /// Whether two keys name one record: part by part the same, or two numbers that one and the same record had.
    fn is_same_key(&self, a: &str, b: &str) -> bool {
        let one_record = |a: &str, b: &str| self.deeds.keys.values().any(|keys| keys.contains(a) && keys.contains(b));
        let (a, b): (Vec<&str>, Vec<&str>) = (a.split('/').collect(), b.split('/').collect());
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || one_record(a, b))
    }

    /// Whether a list at some site names a record, under any key that it was seen under, or that it got by what its key is made of.
    fn is_listed(&self, identity: &str, accept: &dyn Fn(&Listed) -> bool) -> bool {
        let table = identity.split([':', '(']).next().unwrap_or_default();
        let nothing = BTreeSet::new();
        let keys = self.deeds.keys.get(identity).unwrap_or(&nothing);
        let names = |other: &str, key: &String| other == table && keys.iter().any(|seen| self.is_same_key(seen, key));
        self.evidence.conflicts.iter().any(|listed| names(&listed.table, &listed.key) && accept(listed))
            || self.evidence.held.iter().any(|held| names(&held.table, &held.key))
    }

    /// Invariant 2, for deletes.
    fn no_delete_lost(&self, host: &Content) -> Vec<String> {
        let survives = |identity: &str, token: &str| host.get(identity).is_some_and(|record| record.token == token);
        let lost = self.deeds.deleted.iter().filter(|deleted| {
            let about = |listed: &Listed| match listed.kind.as_str() {
                "Delete" | "Dependants" => true,
                // The rules let only the site delete it that made it.
                "Refused" => listed.field.is_none(),
                _ => false,
            };
            survives(&deleted.identity, &deleted.token) && !self.is_listed(&deleted.identity, &about)
        });
        lost.map(|deleted| {
            format!("DELETE LOST {} ({}) deleted at {}", deleted.identity, deleted.token, self.evidence.sites[deleted.site].0)
        })
        .collect()
    }

    /// Every reference means what somebody set it to.
    fn references_are_right(&self, host: &Content) -> Vec<String> {
        let mut wrong = Vec::new();
        for (identity, record) in host {
            for (column, meaning) in &record.references {
                let meant = (identity.clone(), column.clone(), meaning.clone());
                if !self.deeds.right.contains(&meant) {
                    let right = self.deeds.right.iter().filter(|right| right.0 == *identity && right.1 == *column);
                    let right: Vec<&String> = right.map(|right| &right.2).collect();
                    wrong.push(format!("WRONGREF {identity}.{column} means {meaning}, which nobody set; set were {right:?}"));
                }
            }
        }
        wrong
    }

    /// Invariant 2, for references.
    fn no_reference_lost(&self, host: &Content) -> Vec<String> {
        let mut wrong = Vec::new();
        for (meant, site) in &self.deeds.set {
            let (identity, column, meaning) = meant;
            let stands = host.get(identity).is_some_and(|record| record.references.get(column) == Some(meaning));
            if stands || self.deeds.unset.contains(meant) {
                continue;
            }
            let columns: Vec<&String> = self
                .invented
                .tables
                .iter()
                .flat_map(|table| &table.references)
                .filter(|one| name_of(one) == *column)
                .flat_map(|one| &one.columns)
                .collect();
            let about = |listed: &Listed| match &listed.field {
                Some(field) => columns.contains(&field),
                None => true,
            };
            if !self.is_listed(identity, &about) {
                wrong.push(format!("REFERENCE LOST {identity}.{column} to {meaning}, set at {}", self.evidence.sites[*site].0));
            }
        }
        wrong
    }
}
