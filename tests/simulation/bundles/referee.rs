//! Is what came out what was promised? Told from the published versions and from what lies at each site.

use std::collections::BTreeMap;

use super::forms::{files, word};
use super::person::Deeds;

/// What can be seen of a site.
pub struct Seen {
    pub site: usize,
    pub name: &'static str,
    pub member: bool,
    /// The version that is installed, and why another one is not.
    pub version: Option<String>,
    pub waits: Option<String>,
    pub files: BTreeMap<String, String>,
}

/// Everything that is not as promised.
pub fn judge(sites: &[Seen], deeds: &Deeds) -> Vec<String> {
    let mut wrong = Vec::new();
    let current = deeds.published.current();
    for seen in sites {
        let name = seen.name;
        let own: Vec<&String> = deeds.written.iter().filter(|(site, _)| *site == seen.site).map(|(_, text)| text).collect();
        let strange = seen.files.iter().filter(|(_, text)| !text.contains("form-") && !own.contains(text));
        wrong.extend(strange.map(|(path, text)| format!("CUSTOM {path} at {name} has {text}, which nobody put there")));
        if !seen.member {
            let brought = seen.files.iter().filter(|(_, text)| text.contains("form-"));
            wrong.extend(brought.map(|(path, _)| format!("CUSTOM {path} at {name}, which the bundle is not for")));
            continue;
        }
        let touched = deeds.touched.contains(&seen.site);
        let wanted = current.map(word);
        // Where a change of somebody's is in the way, what is taken back waits, and says so.
        if seen.version != wanted && !(touched && seen.waits.is_some()) {
            wrong.push(format!("BUNDLE {name} has {:?} and not {wanted:?}: {:?}", seen.version, seen.waits));
        }
        let Some(version) = current.filter(|_| seen.version == wanted) else {
            if !touched && !seen.files.is_empty() {
                wrong.push(format!("BUNDLE {name} has files of none: {:?}", seen.files));
            }
            continue;
        };
        let there = files(version);
        if !touched && seen.files != there {
            wrong.push(format!("BUNDLE {name} has {:?} and not {there:?}", seen.files));
        }
        // What nobody changed is of the version, what somebody changed lies beside it.
        for (path, text) in &there {
            let here = seen.files.get(path);
            let beside = seen.files.get(&format!("{path}.new-{}", word(version)));
            let changed = here.is_none_or(|here| own.contains(&here)) || beside == Some(text);
            if here != Some(text) && !(touched && changed) {
                wrong.push(format!("BUNDLE {path} at {name} is {here:?} and not {text}"));
            }
        }
    }
    wrong
}
