//! Which files change in an install, an upgrade, a way back? Decides, touches nothing.
//!
//! Three contents of a path decide an upgrade: *base* (what the version before put there), *ours* (what is there now), *theirs* (what
//! the new version has). Who changed a file since the base keeps it; where the new version changed it too, that lies beside as
//! `NAME.new-VERSION`. A first install has no base: what is there is replaced, kept, and comes back when the bundle goes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::names::Version;
use crate::packet::ContentHash;

/// A file as it stands: what is in it, and whether it may be run. Written as the hash, with `+x` behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Filed {
    /// The hash of its bytes.
    pub content: ContentHash,
    /// It may be run. Never where a system has no bit for that.
    pub executable: bool,
}

const RUNS: &str = "+x";

impl From<Filed> for String {
    fn from(filed: Filed) -> Self {
        format!("{}{}", filed.content, if filed.executable { RUNS } else { "" })
    }
}

impl TryFrom<String> for Filed {
    type Error = <ContentHash as TryFrom<String>>::Error;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let hash = text.strip_suffix(RUNS);
        let executable = hash.is_some();
        Ok(Self { content: hash.map_or_else(|| text.clone(), str::to_owned).try_into()?, executable })
    }
}

/// One path whose content changes. None: no file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Below the folder for customizations.
    pub path: String,
    /// What must be there before.
    pub before: Option<Filed>,
    /// What is there afterwards.
    pub after: Option<Filed>,
}

/// What is to be moved, and what a person should know of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// In this order; no path twice.
    pub moves: Vec<Move>,
    /// What becomes of each path that is not simply the same, by path.
    pub fates: Vec<(String, Fate)>,
}

/// What becomes of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "fate")]
pub enum Fate {
    /// New here.
    Added,
    /// The new version has another content.
    Changed,
    /// A file that was there before any version of the bundle is replaced; it comes back when the bundle goes.
    Replaced,
    /// The new version does not have it any more.
    Removed,
    /// It was changed here and stays so; the version's own content lies beside where there is any.
    Kept {
        /// The path beside.
        beside: Option<String>,
    },
    /// It gets back the content that it had before.
    Restored,
    /// It was changed here since and gets back its old content all the same; the change is kept beside.
    TakenBack {
        /// The path beside.
        beside: String,
    },
}

/// Fates in JSON: an object by path.
///
/// # Errors
/// As the serializer says.
pub fn by_path<S: serde::Serializer>(fates: &[(String, Fate)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fates.iter().map(|(path, fate)| (path, fate)))
}

/// Whether what was changed here since may be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// No: say so.
    Refuse,
    /// Yes, and a copy lies beside.
    KeepBeside,
}

/// Paths that were changed here since, so that going back would lose the change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} changed here since it was installed", words(.0))]
pub struct Blocked(pub Vec<String>);

fn words(paths: &[String]) -> String {
    match paths {
        [] => "nothing was".to_owned(),
        [path] => format!("`{path}` was"),
        [path, more @ ..] => format!("`{path}` and {} more were", more.len()),
    }
}

/// What installing `version` moves. `base` is empty for a first install; `ours` tells what is there now.
///
/// # Errors
/// As `ours` does.
pub fn upgrade<E>(
    base: &BTreeMap<String, Filed>,
    theirs: &BTreeMap<String, Filed>,
    version: Version,
    mut ours: impl FnMut(&str) -> Result<Option<Filed>, E>,
) -> Result<Moves, E> {
    let mut found = Moves::default();
    let paths: BTreeSet<&String> = base.keys().chain(theirs.keys()).collect();
    for path in paths {
        let (base, theirs) = (base.get(path).copied(), theirs.get(path).copied());
        let before = ours(path)?;
        if before == theirs {
            continue;
        }
        let fate = match (base, theirs) {
            (None, _) if before.is_some() => Fate::Replaced,
            (Some(_), _) if before != base => {
                let beside = theirs.filter(|_| theirs != base).map(|filed| (format!("{path}.new-{version}"), filed));
                if let Some((beside, filed)) = &beside {
                    let there = ours(beside)?;
                    if there != Some(*filed) {
                        found.moves.push(Move { path: beside.clone(), before: there, after: Some(*filed) });
                    }
                }
                found.fates.push((path.clone(), Fate::Kept { beside: beside.map(|(beside, _)| beside) }));
                continue;
            }
            (None, _) => Fate::Added,
            (Some(_), Some(_)) => Fate::Changed,
            (Some(_), None) => Fate::Removed,
        };
        found.moves.push(Move { path: path.clone(), before, after: theirs });
        found.fates.push((path.clone(), fate));
    }
    Ok(found)
}

/// What going back over installs moves: `done` are the moves of each, the newest first. `name` says what a copy beside ends in.
///
/// # Errors
/// As `ours` does; inside, [`Blocked`] where changes made here since would be lost.
pub fn undo<E>(
    done: &[&[Move]],
    loss: Loss,
    name: &str,
    mut ours: impl FnMut(&str) -> Result<Option<Filed>, E>,
) -> Result<Result<Moves, Blocked>, E> {
    let mut composed: BTreeMap<&str, (Option<Filed>, Option<Filed>)> = BTreeMap::new();
    let mut covered: Vec<(&str, Filed)> = Vec::new();
    for moved in done.iter().flat_map(|moves| moves.iter()) {
        let earlier = |(before, _): &mut (Option<Filed>, Option<Filed>)| {
            // Between two installs somebody put something else there, and the later one took its place: nothing else brings that back.
            covered.extend(before.filter(|_| *before != moved.after).map(|filed| (moved.path.as_str(), filed)));
            *before = moved.before;
        };
        composed.entry(&moved.path).and_modify(earlier).or_insert((moved.before, moved.after));
    }
    let (mut found, mut blocked) = (Moves::default(), Vec::new());
    for (number, (path, filed)) in covered.into_iter().enumerate() {
        if composed[path].0 == Some(filed) {
            continue;
        }
        blocked.push(path.to_owned());
        let beside = if number == 0 { format!("{path}.{name}-before") } else { format!("{path}.{name}-before{}", number + 1) };
        let lies = ours(&beside)?;
        found.moves.push(Move { path: beside.clone(), before: lies, after: Some(filed) });
        found.fates.push((path.to_owned(), Fate::TakenBack { beside }));
    }
    for (path, (before, after)) in composed {
        let there = ours(path)?;
        if there == before {
            continue;
        }
        // What is gone cannot be lost.
        if there != after && there.is_some() {
            blocked.push(path.to_owned());
            let beside = format!("{path}.{name}");
            let lies = ours(&beside)?;
            found.moves.push(Move { path: beside.clone(), before: lies, after: there });
            found.fates.push((path.to_owned(), Fate::TakenBack { beside }));
        } else {
            found.fates.push((path.to_owned(), if before.is_some() { Fate::Restored } else { Fate::Removed }));
        }
        found.moves.push(Move { path: path.to_owned(), before: there, after: before });
    }
    if loss == Loss::Refuse && !blocked.is_empty() {
        return Ok(Err(Blocked(blocked)));
    }
    Ok(Ok(found))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn hash(text: &str) -> Filed {
        Filed { content: ContentHash::of(text.as_bytes()), executable: text.starts_with('x') }
    }

    fn contents(files: &[(&str, &str)]) -> BTreeMap<String, Filed> {
        files.iter().map(|(path, text)| ((*path).to_owned(), hash(text))).collect()
    }

    fn carry_out(disk: &mut BTreeMap<String, Filed>, moves: &[Move]) {
        for moved in moves {
            assert_eq!(disk.get(&moved.path).copied(), moved.before, "{}", moved.path);
            match moved.after {
                Some(after) => drop(disk.insert(moved.path.clone(), after)),
                None => drop(disk.remove(&moved.path)),
            }
        }
    }

    fn to(disk: &BTreeMap<String, Filed>, base: &[(&str, &str)], theirs: &[(&str, &str)]) -> Moves {
        let ours = |path: &str| Ok::<_, Infallible>(disk.get(path).copied());
        upgrade(&contents(base), &contents(theirs), "2.0.0".parse().unwrap(), ours).unwrap()
    }

    #[test]
    fn who_changed_a_file_keeps_it_and_finds_the_new_one_beside() {
        let (v1, v2) = ([("a", "1"), ("b", "1"), ("c", "1"), ("d", "1"), ("e", "1")], [("a", "2"), ("b", "2"), ("c", "1"), ("f", "2")]);
        // b, c, e are changed here; e and d go with version 2.
        let mut disk = contents(&[("a", "1"), ("b", "mine"), ("c", "mine"), ("d", "1"), ("e", "mine")]);
        let first = disk.clone();
        let moves = to(&disk, &v1, &v2);
        carry_out(&mut disk, &moves.moves);
        assert_eq!(disk, contents(&[("a", "2"), ("b", "mine"), ("b.new-2.0.0", "2"), ("c", "mine"), ("e", "mine"), ("f", "2")]));
        let fate = |path: &str| moves.fates.iter().find(|(of, _)| of == path).map(|(_, fate)| fate.clone());
        assert_eq!(fate("a"), Some(Fate::Changed));
        assert_eq!(fate("b"), Some(Fate::Kept { beside: Some("b.new-2.0.0".to_owned()) }));
        assert_eq!(fate("c"), Some(Fate::Kept { beside: None }));
        assert_eq!((fate("d"), fate("f")), (Some(Fate::Removed), Some(Fate::Added)));
        let ours = |path: &str| Ok::<_, Infallible>(disk.get(path).copied());
        let back = undo(&[&moves.moves], Loss::Refuse, "kept", ours).unwrap().unwrap();
        carry_out(&mut disk, &back.moves);
        assert_eq!(disk, first);
    }

    #[test]
    fn a_first_install_replaces_what_is_there_and_going_back_over_two_versions_brings_it_back() {
        let mut disk = contents(&[("a", "old"), ("x", "other")]);
        let first = disk.clone();
        let one = to(&disk, &[], &[("a", "1"), ("b", "1")]);
        assert_eq!(one.fates, [("a".to_owned(), Fate::Replaced), ("b".to_owned(), Fate::Added)]);
        carry_out(&mut disk, &one.moves);
        let two = to(&disk, &[("a", "1"), ("b", "1")], &[("a", "2")]);
        carry_out(&mut disk, &two.moves);
        let ours = |path: &str| Ok::<_, Infallible>(disk.get(path).copied());
        let back = undo(&[&two.moves, &one.moves], Loss::Refuse, "kept", ours).unwrap().unwrap();
        carry_out(&mut disk, &back.moves);
        assert_eq!(disk, first);
    }

    #[test]
    fn what_somebody_put_between_two_installs_is_not_lost_when_both_go() {
        let mut disk = BTreeMap::new();
        let versions = [contents(&[("a", "one")]), contents(&[]), contents(&[("a", "three")])];
        let mut done: Vec<Vec<Move>> = Vec::new();
        let mut base = BTreeMap::new();
        for (number, theirs) in (1..).zip(&versions) {
            if number == 3 {
                disk.insert("a".to_owned(), hash("somebody's"));
            }
            let version = format!("{number}.0.0").parse().unwrap();
            let moves = upgrade(&base, theirs, version, |path| Ok::<_, Infallible>(disk.get(path).copied())).unwrap();
            carry_out(&mut disk, &moves.moves);
            done.insert(0, moves.moves);
            base.clone_from(theirs);
        }
        let all: Vec<&[Move]> = done.iter().map(Vec::as_slice).collect();
        let ours = |path: &str| Ok::<_, Infallible>(disk.get(path).copied());
        assert_eq!(undo(&all, Loss::Refuse, "kept-3.0.0", ours).unwrap(), Err(Blocked(vec!["a".to_owned()])));
        let back = undo(&all, Loss::KeepBeside, "kept-3.0.0", ours).unwrap().unwrap();
        carry_out(&mut disk, &back.moves);
        assert_eq!(disk, contents(&[("a.kept-3.0.0-before", "somebody's")]));
    }

    #[test]
    fn going_back_over_a_change_made_since_is_refused_or_keeps_it_beside() {
        let mut disk = contents(&[]);
        let moves = to(&disk, &[], &[("a", "1"), ("b", "1")]);
        carry_out(&mut disk, &moves.moves);
        disk.insert("a".to_owned(), hash("mine"));
        disk.remove("b");
        let undoing = |loss, disk: &BTreeMap<String, Filed>| {
            undo(&[&moves.moves], loss, "kept", |path| Ok::<_, Infallible>(disk.get(path).copied())).unwrap()
        };
        assert_eq!(undoing(Loss::Refuse, &disk), Err(Blocked(vec!["a".to_owned()])));
        let back = undoing(Loss::KeepBeside, &disk).unwrap();
        carry_out(&mut disk, &back.moves);
        assert_eq!(disk, contents(&[("a.kept", "mine")]));
    }

    #[test]
    fn a_file_is_written_as_its_hash_and_whether_it_runs() {
        for filed in [hash("a"), hash("x")] {
            let text = String::from(filed);
            assert_eq!(text.ends_with("+x"), filed.executable);
            assert_eq!(Filed::try_from(text).unwrap(), filed);
        }
        assert!(Filed::try_from("+x".to_owned()).is_err());
    }

    #[test]
    fn installing_what_is_there_moves_nothing() {
        let disk = contents(&[("a", "1")]);
        assert_eq!(to(&disk, &[("a", "1")], &[("a", "1")]), Moves::default());
        assert_eq!(to(&disk, &[], &[("a", "1")]), Moves::default());
    }
}
