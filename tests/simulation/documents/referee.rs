//! Is what came out what was promised? Told from the folders and from what people did in them.

use std::collections::{BTreeMap, BTreeSet};

use fieldpost::model::LIBRARY;

use super::super::referee::{Evidence, Listed};
use super::folder::{Deeds, Files, number};

/// Everything that is not as promised. `sites`: names, and what is in their folders.
pub fn judge(sites: &[(&str, Files)], deeds: &Deeds, evidence: &Evidence<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let host = &sites[0].1;
    for (name, files) in &sites[1..] {
        let paths: BTreeSet<&String> = files.keys().chain(host.keys()).collect();
        for path in paths {
            match (files.get(path), host.get(path)) {
                (Some((ours, _)), Some((theirs, _))) if ours != theirs => wrong.push(format!(
                    "FOLDERS {path}: {name} has {:?} of {} bytes, {} has {:?} of {} bytes",
                    number(ours),
                    ours.len(),
                    sites[0].0,
                    number(theirs),
                    theirs.len()
                )),
                (Some((_, ours)), Some((_, theirs))) if ours != theirs => {
                    wrong.push(format!("FOLDERS {path}: {name} says it was written {ours:?}, {} {theirs:?}", sites[0].0));
                }
                (Some(_), Some(_)) => {}
                (ours, _) => wrong.push(format!("FOLDERS {path} is {} {name}", if ours.is_some() { "only at" } else { "not at" })),
            }
        }
    }
    let there: BTreeMap<&String, Option<u64>> = host.iter().map(|(path, (bytes, _))| (path, number(bytes))).collect();
    wrong.extend(nothing_lost(&there, deeds));
    wrong.extend(no_delete_lost(&there, deeds, evidence));
    wrong.extend(names_are_right(&there, deeds));
    wrong
}

/// What somebody wrote is there, unless somebody who had it wrote over it or deleted it.
fn nothing_lost(there: &BTreeMap<&String, Option<u64>>, deeds: &Deeds) -> Vec<String> {
    let contents: BTreeSet<u64> = there.values().flatten().copied().collect();
    let lost = deeds.put.iter().filter(|put| !contents.contains(&put.content) && !deeds.superseded.contains(&put.content));
    lost.map(|put| format!("DOCUMENT LOST {put:?}")).collect()
}

/// What somebody deleted where only one person had put it stays away, unless the list of conflicts says that it was edited elsewhere.
fn no_delete_lost(there: &BTreeMap<&String, Option<u64>>, deeds: &Deeds, evidence: &Evidence<'_>) -> Vec<String> {
    let lost = deeds.deleted.iter().filter(|deleted| {
        let puts = deeds.put.iter().filter(|put| (&put.path, put.content) == (&deleted.path, deleted.content)).count();
        let listed = |listed: &Listed| listed.table == LIBRARY && listed.key == deleted.path && listed.kind == "Delete";
        puts < 2 && !evidence.conflicts.iter().any(listed) && there.get(&deleted.path) == Some(&Some(deleted.content))
    });
    lost.map(|deleted| format!("DOCUMENT NOT DELETED {deleted:?}")).collect()
}

/// Every document is where somebody put its content, or beside that as a copy of one site's; and no copy is of a copy.
fn names_are_right(there: &BTreeMap<&String, Option<u64>>, deeds: &Deeds) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, content) in there {
        let Some(content) = content else {
            wrong.push(format!("DOCUMENT {path} has bytes that nobody wrote"));
            continue;
        };
        let is_here = |put: &str| {
            put == path.as_str() || original(path).is_some_and(|original| original == put || Some(original) == self::original(put))
        };
        if !deeds.put.iter().any(|put| put.content == *content && is_here(&put.path)) {
            wrong.push(format!("DOCUMENT {path} has content {content}, which nobody put there"));
        }
        if path.matches(" (").count() > 1 {
            wrong.push(format!("DOCUMENT {path} is a copy of a copy"));
        }
    }
    wrong
}

/// The name without the site and date of a copy.
fn original(path: &str) -> Option<String> {
    let (before, rest) = path.split_once(" (")?;
    let (_, after) = rest.split_once(')')?;
    Some(format!("{before}{after}"))
}
