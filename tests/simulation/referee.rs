//! Is what came out what was promised? `DESIGN` section 2, checked from outside.
//!
//! Knows the records as SQL gives them, what applications did, and the lists that a person can read (conflicts, held).
//! Nothing of mirrors, journals, shadows or packets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::application::{Deeds, TABLES, word};
use super::ruling::Ruling;
use super::ruling::referee::Promises;

/// A line of a site's list of conflicts.
#[derive(Clone, Debug)]
pub struct Listed {
    pub site: usize,
    pub kind: String,
    pub table: String,
    pub key: String,
    /// The field; none where the whole record is meant.
    pub field: Option<String>,
    /// The values that lost, in words.
    pub losers: Vec<String>,
    pub loser_site: Option<String>,
    /// The sites that made the same edit.
    pub also: Vec<String>,
    /// The two edits, where this site decided between them.
    pub decided: Option<String>,
}

/// A line of a site's list of what is held.
#[derive(Clone, Debug)]
pub struct Held {
    pub site: usize,
    /// The neighbour it came from.
    pub from: usize,
    pub table: String,
    pub key: String,
    pub reason: String,
    /// The record that it waits for, or that is in its way.
    pub other: Option<(String, String)>,
    /// Whether a person is wanted; else it should have been decided by the time all is quiet.
    pub lasting: bool,
    /// The values it brings, in words.
    pub values: Vec<String>,
}

/// What the referee is given.
pub struct Evidence<'e> {
    /// Per site: name, parent, database.
    pub sites: Vec<(&'static str, Option<usize>, PathBuf)>,
    pub deeds: &'e Deeds,
    pub conflicts: Vec<Listed>,
    pub held: Vec<Held>,
    /// The rules, where they were drawn.
    pub ruling: Option<&'e Ruling>,
    /// Whether everything that the rules keep home was let go.
    pub released: bool,
}

/// Records by key, values in words.
pub type Rows = BTreeMap<String, Vec<String>>;

/// Everything that is not as promised.
pub fn judge(evidence: &Evidence<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut contents: Vec<BTreeMap<&'static str, Rows>> = Vec::new();
    for (name, _, path) in &evidence.sites {
        match read(path) {
            Ok(rows) => contents.push(rows),
            Err(error) => return vec![format!("UNREADABLE {name}: {error}")],
        }
        wrong.extend(sound(name, path));
    }
    let promises = evidence.ruling.map(|ruling| Promises { ruling, evidence, contents: &contents });
    wrong.extend(same(evidence, &contents, promises.as_ref()));
    wrong.extend(nothing_lost(evidence, &contents, promises.as_ref()));
    wrong.extend(no_delete_lost(evidence, &contents, promises.as_ref()));
    wrong.extend(losers_are_told(evidence));
    wrong.extend(decided_once(evidence));
    wrong.extend(promises.iter().flat_map(Promises::judge));
    let waits = |held: &Held| held.lasting || promises.as_ref().is_some_and(|promises| promises.may_wait(held));
    let waiting = evidence.held.iter().filter(|held| !waits(held));
    wrong.extend(waiting.map(|held| format!("STILL HELD at {}: {held:?}", evidence.sites[held.site].0)));
    wrong
}

/// Every record by table and key, in words.
pub fn records(path: &Path) -> BTreeMap<String, String> {
    let contents = read(path).unwrap_or_default();
    contents
        .into_iter()
        .flat_map(|(table, rows)| rows.into_iter().map(move |(key, row)| (format!("{table}[{key}]"), row.join(", "))))
        .collect()
}

fn read(path: &Path) -> rusqlite::Result<BTreeMap<&'static str, Rows>> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut contents = BTreeMap::new();
    for table in &TABLES {
        let mut statement = connection.prepare(&format!("SELECT {} FROM {}", table.columns.join(", "), table.name))?;
        let mut rows = statement.query([])?;
        let mut found = Rows::new();
        while let Some(row) = rows.next()? {
            let values: Vec<String> =
                (0..table.columns.len()).map(|place| row.get_ref(place).map(word)).collect::<rusqlite::Result<_>>()?;
            found.insert(values[0].clone(), values);
        }
        contents.insert(table.name, found);
    }
    Ok(contents)
}

/// The database is whole and its references lead somewhere.
pub fn sound(name: &str, path: &Path) -> Vec<String> {
    let Ok(connection) = Connection::open(path) else { return vec![format!("UNREADABLE {name}")] };
    let mut wrong = Vec::new();
    match connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)) {
        Ok(said) if said == "ok" => {}
        said => wrong.push(format!("DAMAGED {name}: {said:?}")),
    }
    let dangling: rusqlite::Result<Vec<String>> = connection
        .prepare("PRAGMA foreign_key_check")
        .and_then(|mut statement| statement.query_map([], |row| Ok(format!("{:?} {:?}", row.get_ref(0)?, row.get_ref(1)?)))?.collect());
    match dangling {
        Ok(dangling) if dangling.is_empty() => {}
        said => wrong.push(format!("DANGLING {name}: {said:?}")),
    }
    wrong
}

/// Invariant 1.
fn same(evidence: &Evidence<'_>, contents: &[BTreeMap<&str, Rows>], promises: Option<&Promises<'_>>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (child, (name, parent, _)) in evidence.sites.iter().enumerate() {
        let Some(parent) = *parent else { continue };
        let between = |held: &&Held| (held.site, held.from) == (child, parent) || (held.site, held.from) == (parent, child);
        let held: BTreeSet<(&str, &str)> =
            evidence.held.iter().filter(between).map(|held| (held.table.as_str(), held.key.as_str())).collect();
        for table in TABLES.iter().filter(|table| promises.is_none_or(|promises| promises.is_shared(table.name))) {
            let (here, there) = (&contents[child][table.name], &contents[parent][table.name]);
            let keys: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
            for key in keys {
                let shown = |row: Option<&Vec<String>>| match promises {
                    Some(promises) => row.map(|row| promises.travelling(table.name, row)),
                    None => row.cloned(),
                };
                let kept = |site| promises.is_some_and(|promises| promises.is_kept(site, table.name, key));
                if shown(here.get(key)) != shown(there.get(key))
                    && !held.contains(&(table.name, key.as_str()))
                    && !kept(child)
                    && !kept(parent)
                {
                    wrong.push(format!(
                        "DIVERGE {}[{key}]: {name} has {:?}, {} has {:?}",
                        table.name,
                        here.get(key),
                        evidence.sites[parent].0,
                        there.get(key)
                    ));
                }
            }
        }
    }
    wrong
}

/// Invariant 2, for values.
fn nothing_lost(evidence: &Evidence<'_>, contents: &[BTreeMap<&str, Rows>], promises: Option<&Promises<'_>>) -> Vec<String> {
    let mut there: BTreeSet<&String> = contents[0].values().flat_map(BTreeMap::values).flatten().collect();
    for (site, tables) in contents.iter().enumerate() {
        let rows = tables.iter().flat_map(|(table, rows)| rows.iter().map(move |(key, row)| (table, key, row)));
        let home = rows.filter(|(table, key, _)| promises.is_some_and(|promises| promises.is_kept(site, table, key)));
        there.extend(home.flat_map(|(_, _, row)| row));
    }
    let listed: BTreeSet<&String> = evidence.conflicts.iter().flat_map(|listed| &listed.losers).collect();
    let held: BTreeSet<&String> = evidence.held.iter().flat_map(|held| &held.values).collect();
    let lost = evidence.deeds.written.iter().filter(|written| {
        let value = &written.value;
        let local = promises.is_some_and(|promises| promises.is_local(written));
        !local && !there.contains(value) && !evidence.deeds.superseded.contains(value) && !listed.contains(value) && !held.contains(value)
    });
    lost.map(|written| {
        format!(
            "LOST {} of {}[{}].{} edited at {}",
            written.value, written.table, written.key, written.column, evidence.sites[written.site].0
        )
    })
    .collect()
}

/// Invariant 2, for deletes.
fn no_delete_lost(evidence: &Evidence<'_>, contents: &[BTreeMap<&str, Rows>], promises: Option<&Promises<'_>>) -> Vec<String> {
    let mut wrong = Vec::new();
    for deleted in &evidence.deeds.deleted {
        let Some(row) = contents[0][deleted.table].get(&deleted.key) else { continue };
        let listed = evidence.conflicts.iter().any(|listed| {
            let refused = listed.kind == "Refused" && listed.field.is_none();
            let edit = deleted.replaced && listed.field.as_deref() == Some("tag");
            (edit || refused || listed.kind == "Delete" || listed.kind == "Dependants")
                && listed.table == deleted.table
                && listed.key == deleted.key
        });
        // Another one took its place, and stays home.
        let kept = |site| promises.is_some_and(|promises| promises.is_kept(site, deleted.table, &deleted.key));
        if row[1] == deleted.tag && !listed && !(0..contents.len()).any(kept) {
            wrong.push(format!(
                "DELETE LOST {}[{}] ({}) deleted at {}",
                deleted.table, deleted.key, deleted.tag, evidence.sites[deleted.site].0
            ));
        }
    }
    wrong
}

/// Invariant 7: who made an edit that lost finds it in the list of his own site, and nobody is named who did not make it.
fn losers_are_told(evidence: &Evidence<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for listed in &evidence.conflicts {
        let number = |name: &String| evidence.sites.iter().position(|site| site.0 == name);
        for site in listed.loser_site.iter().chain(&listed.also).filter_map(number) {
            let told = |other: &&Listed| {
                other.site == site
                    && (&other.kind, &other.table, &other.key, &other.losers) == (&listed.kind, &listed.table, &listed.key, &listed.losers)
            };
            if evidence.conflicts.iter().find(told).is_none() {
                wrong.push(format!("NOT TOLD {}: {listed:?}", evidence.sites[site].0));
            }
        }
        // Keys and references are not among the values that are watched.
        let written: Vec<_> = evidence.deeds.written.iter().filter(|written| listed.losers.contains(&written.value)).collect();
        for site in listed.also.iter().filter_map(number).filter(|_| listed.field.is_some() && !written.is_empty()) {
            if !written.iter().any(|written| written.site == site) {
                wrong.push(format!("TOLD FOR NOTHING {}: {listed:?}", evidence.sites[site].0));
            }
        }
    }
    wrong
}

/// Two edits that met are decided once, by whoever decides.
pub fn decided_once(evidence: &Evidence<'_>) -> Vec<String> {
    let mut seen = BTreeMap::new();
    let mut wrong = Vec::new();
    for listed in &evidence.conflicts {
        let Some(decided) = &listed.decided else { continue };
        // What lost is part of it: two documents that are moved to one name can have the same time.
        if let Some(first) = seen.insert((listed.site, decided, &listed.losers), listed) {
            wrong.push(format!("DECIDED TWICE at {}: {first:?} and {listed:?}", evidence.sites[listed.site].0));
        }
    }
    wrong
}
