//! Which files change in an install, an upgrade, a way back? Decides, touches nothing.
//!
//! Three contents of a path decide an upgrade: *base* (what the version before put there), *ours* (what is there now), *theirs* (what
//! the new version has). Who changed a file since the base keeps it; where the new version changed it too, that lies beside as
//! `NAME.new-VERSION`. A first install has no base: what is there is replaced, kept, and comes back when the bundle goes.
//! The base is what the newest of all versions that had the path put there, as long as it lies there; what a version does not have any more
//! gives way to what was there before any version. Paths that differ only in case are one file on some computers (`Folder::is_one`
//! tells): then one goes before the other comes.
//! A path becomes a folder, or a folder a path, once what a version put in its place goes.
//!
//! **Going back over several versions** looks at each path from the oldest of them on. The first that moves something there owes what it found
//! (none: that nothing is there). A version that has no such file any more and gives just that back owes nothing: what stands there from then on is
//! a person's, whatever they make of it, until a later version that has the path finds it and owes it. What is still owed when all go comes back,
//! if what stands there is what a version put; else a person changed it, and that would be lost. What was changed where no version has a
//! file any more and nothing is owed but that the place is empty is a person's as well. So everything that a person wrote, and did not write over
//! themselves, is there after going back, or it is refused.
//! A path that another bundle has by now is its: going back leaves it alone, and what was there before that one comes back with that one.
//! A name beside that holds something else already stays as it is: the next free one is taken, `NAME.new-VERSION-2` and so on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::names::Version;
use crate::model::collision_key;
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

/// What earlier versions made of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// What the newest of them put there.
    pub put: Filed,
    /// What was there before the first of them.
    pub own: Option<Filed>,
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
    /// A file that no version of the bundle put there is replaced; it comes back when the bundle goes.
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
    /// It holds what was at another path before an install that did not come to its end, and was changed by somebody before it was taken back.
    Rescued {
        /// The other path.
        of: String,
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

/// What installing `version` moves. `base` is empty for a first install; `ours` tells what is there now, and `is_one` whether two paths that
/// differ only in case are one file.
///
/// # Errors
/// As `ours` does.
pub fn upgrade<E>(
    base: &BTreeMap<String, Base>,
    theirs: &BTreeMap<String, Filed>,
    version: Version,
    mut ours: impl FnMut(&str) -> Result<Option<Filed>, E>,
    is_one: impl Fn(&str, &str) -> bool,
) -> Result<Moves, E> {
    let (mut found, theirs_all) = (Moves::default(), theirs);
    let paths: BTreeSet<&String> = base.keys().chain(theirs.keys()).collect();
    let taken = |path: &str| base.contains_key(path) || theirs.contains_key(path);
    let gone = base.keys().filter(|path| !theirs.contains_key(*path));
    let respelled = respelled(gone, theirs.keys().filter(|path| !base.contains_key(*path)), &is_one);
    for path in &paths {
        let path = path.as_str();
        if respelled.values().any(|old| *old == path) {
            continue;
        }
        let old = respelled.get(path).copied();
        let stood = base.get(old.unwrap_or(path)).copied();
        let theirs = theirs.get(path).copied();
        let before = if stood.is_none() && gives_way(base, theirs_all, path, &mut ours)? { None } else { ours(path)? };
        if let Some(stood) = stood
            && before != Some(stood.put)
            && before != theirs
        {
            let new = theirs.filter(|new| *new != stood.put);
            let beside = new.map(|filed| beside(path, &format!("new-{version}"), filed, taken, &mut ours)).transpose()?;
            let beside = beside.map(|(place, lay)| {
                found.moves.extend(lay);
                place
            });
            found.fates.push((path.to_owned(), Fate::Kept { beside }));
            continue;
        }
        if let Some(old) = old {
            found.moves.push(Move { path: old.to_owned(), before, after: None });
            found.moves.push(Move { path: path.to_owned(), before: None, after: theirs });
            found.fates.extend([(old.to_owned(), Fate::Removed), (path.to_owned(), Fate::Added)]);
            continue;
        }
        let after = theirs.or(stood.and_then(|stood| stood.own).filter(|_| before.is_some()));
        if before == after {
            continue;
        }
        let fate = match (before, theirs) {
            (None, _) => Fate::Added,
            (Some(_), Some(_)) if stood.is_some() => Fate::Changed,
            (Some(_), Some(_)) => Fate::Replaced,
            (Some(_), None) if after.is_some() => Fate::Restored,
            (Some(_), None) => Fate::Removed,
        };
        found.moves.push(Move { path: path.to_owned(), before, after });
        found.fates.push((path.to_owned(), fate));
    }
    first_away(&mut found.moves);
    Ok(found)
}

/// Whether one of two paths would have to be a folder for the other.
#[must_use]
pub fn is_inside(one: &str, other: &str) -> bool {
    let inside = |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    inside(one, other) || inside(other, one)
}

/// Whether what lies in the way of a path that comes, as its folder or in it, goes in the same go.
fn gives_way<E>(
    base: &BTreeMap<String, Base>,
    theirs: &BTreeMap<String, Filed>,
    path: &str,
    ours: &mut impl FnMut(&str) -> Result<Option<Filed>, E>,
) -> Result<bool, E> {
    for (gone, stood) in base.iter().filter(|(gone, stood)| stood.own.is_none() && !theirs.contains_key(*gone) && is_inside(gone, path)) {
        if ours(gone)? == Some(stood.put) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Names that come and are one file with one that goes: that one, by the new name.
fn respelled<'p>(
    gone: impl Iterator<Item = &'p String>,
    come: impl Iterator<Item = &'p String>,
    is_one: &impl Fn(&str, &str) -> bool,
) -> BTreeMap<&'p str, &'p str> {
    let gone: BTreeMap<String, &str> = gone.map(|path| (collision_key(path), path.as_str())).collect();
    let pairs = come.filter_map(|path| Some((path.as_str(), *gone.get(&collision_key(path))?)));
    pairs.filter(|(new, old)| is_one(new, old)).collect()
}

/// Files go before others come: one may come under another spelling of the same name.
fn first_away(moves: &mut [Move]) {
    moves.sort_by_key(|moved| moved.after.is_some());
}

/// The place beside a path that is free or holds that already, and the move that lays it there. Nobody's file is in the way of another: what
/// an earlier time laid there may be all that is left of a change. `taken` are places that something else is moved to.
pub fn beside<E>(
    path: &str,
    name: &str,
    filed: Filed,
    taken: impl Fn(&str) -> bool,
    ours: &mut impl FnMut(&str) -> Result<Option<Filed>, E>,
) -> Result<(String, Option<Move>), E> {
    let mut place = format!("{path}.{name}");
    // As many as there are files: `ours` refuses a name that is too long.
    for number in 2.. {
        if !taken(&place) {
            match ours(&place)? {
                None => {
                    let lay = Move { path: place.clone(), before: None, after: Some(filed) };
                    return Ok((place, Some(lay)));
                }
                Some(there) if there == filed => break,
                Some(_) => {}
            }
        }
        place = format!("{path}.{name}-{number}");
    }
    Ok((place, None))
}

/// One version as it was installed.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    /// What it has at each path.
    pub put: &'a BTreeMap<String, Filed>,
    /// What was moved for it.
    pub moves: &'a [Move],
}

/// What versions owe a path.
struct Owed {
    /// What was there before them.
    own: Option<Filed>,
    /// What the newest of them that moved something left there.
    left: Option<Filed>,
    /// How many of them are newer than that one.
    newer: usize,
    /// What somebody put there between two of them, and the later one took its place: nothing else brings that back.
    covered: Vec<Filed>,
}

impl Owed {
    /// Whether a version does not have the file any more, and gives back just what is owed.
    fn is_settled_by(&self, install: &Done<'_>, moved: &Move) -> bool {
        // What is laid beside a file is not in what a version has, and comes where nothing is.
        let gives_up = !install.put.contains_key(&moved.path) && moved.before.is_some();
        gives_up && self.own == moved.after && self.covered.is_empty()
    }
}

/// What installs owe, of which the newest is the first, by path.
fn owed<'m>(done: &[Done<'m>]) -> BTreeMap<&'m str, Owed> {
    let mut owed: BTreeMap<&str, Owed> = BTreeMap::new();
    // What an install put somewhere, under this name or beside it, is nobody's work.
    let is_put = |filed: &Filed| done.iter().any(|install| install.put.values().any(|put| put == filed));
    for (newer, install) in done.iter().enumerate().rev() {
        for moved in install.moves {
            let path = moved.path.as_str();
            match owed.get_mut(path) {
                None => drop(owed.insert(path, Owed { own: moved.before, left: moved.after, newer, covered: Vec::new() })),
                Some(one) if one.is_settled_by(install, moved) => drop(owed.remove(path)),
                Some(one) => {
                    let covered = moved.before.filter(|filed| ![one.left, one.own].contains(&Some(*filed)) && !is_put(filed));
                    one.covered.extend(covered);
                    (one.left, one.newer) = (moved.after, newer);
                }
            }
        }
    }
    owed
}

/// What going back over installs moves: `done` are those, the newest first. `name` says what a copy beside ends in; `is_one` as for
/// [`upgrade`]; `others` are paths that another bundle has by now, by what is one name, with what was there before that one.
///
/// # Errors
/// As `ours` does; inside, [`Blocked`] where changes made here since would be lost.
pub fn undo<E>(
    done: &[Done<'_>],
    loss: Loss,
    name: &str,
    others: &BTreeMap<String, Option<Filed>>,
    mut ours: impl FnMut(&str) -> Result<Option<Filed>, E>,
    is_one: impl Fn(&str, &str) -> bool,
) -> Result<Result<Moves, Blocked>, E> {
    let owed = owed(done);
    let newest = done.first().map(|install| install.put);
    let (mut found, mut blocked) = (Moves::default(), Vec::new());
    for (path, filed) in owed.iter().flat_map(|(path, owed)| owed.covered.iter().map(|filed| (*path, *filed))) {
        blocked.push(path.to_owned());
        // Two of one path are laid beside each other.
        let taken = |place: &str| owed.contains_key(place) || found.moves.iter().any(|lay| lay.path == place);
        let (beside, lay) = beside(path, &format!("{name}-before"), filed, taken, &mut ours)?;
        found.moves.extend(lay);
        found.fates.push((path.to_owned(), Fate::TakenBack { beside }));
    }
    let mut there: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (path, _) in owed.iter().filter(|(_, owed)| owed.left.is_some()) {
        there.entry(collision_key(path)).or_default().push(path);
    }
    for (path, Owed { own: before, left: after, newer, .. }) in &owed {
        let (path, before, after, newer) = (*path, *before, *after, *newer);
        if let Some(own) = others.get(&collision_key(path)) {
            // What was there before any of these installs comes back with the other bundle, unless that one found something else.
            if let Some(before) = before.filter(|before| *own != Some(*before)) {
                blocked.push(path.to_owned());
                let (beside, lay) = beside(path, &format!("{name}-before"), before, |path| owed.contains_key(path), &mut ours)?;
                found.moves.extend(lay);
                found.fates.push((path.to_owned(), Fate::TakenBack { beside }));
            }
            continue;
        }
        // One file under two names: what a newer version put under the other name is what is there, and goes with that one.
        let is_newer = |other: &str| owed[other].left.is_some() && (after.is_none() || owed[other].newer < newer);
        let respelled = there
            .get(&collision_key(path))
            .and_then(|all| all.iter().find(|other| **other != path && is_newer(other) && is_one(other, path)));
        if let (Some(other), Some(own)) = (respelled, before)
            && let Some(theirs) = owed[*other].own
        {
            // Both are owed for one place.
            if theirs != own {
                blocked.push(path.to_owned());
                let (beside, lay) = beside(path, &format!("{name}-before"), own, |path| owed.contains_key(path), &mut ours)?;
                found.moves.extend(lay);
                found.fates.push((path.to_owned(), Fate::TakenBack { beside }));
            }
            continue;
        }
        let gives_way = || owed.iter().any(|(other, owed)| owed.left.is_some() && is_inside(other, path));
        let there = if respelled.is_some() || after.is_none() && gives_way() { None } else { ours(path)? };
        if there == before {
            continue;
        }
        let put = newest.and_then(|put| put.get(path)).copied();
        let was_put = || done.iter().any(|install| install.put.contains_key(path));
        let is_wanted = || owed.iter().any(|(other, owed)| owed.own.is_some() && *other != path && is_one(other, path));
        if before.is_none() && there != after && put.is_none() && was_put() && !is_wanted() {
            continue;
        }
        // What is gone cannot be lost, nor what somebody wrote as the newest version has it.
        if let Some(changed) = there.filter(|_| there != after && there != put) {
            blocked.push(path.to_owned());
            let (beside, lay) = beside(path, name, changed, |path| owed.contains_key(path), &mut ours)?;
            found.moves.extend(lay);
            found.fates.push((path.to_owned(), Fate::TakenBack { beside }));
        } else {
            found.fates.push((path.to_owned(), if before.is_some() { Fate::Restored } else { Fate::Removed }));
        }
        found.moves.push(Move { path: path.to_owned(), before: there, after: before });
    }
    if loss == Loss::Refuse && !blocked.is_empty() {
        return Ok(Err(Blocked(blocked)));
    }
    first_away(&mut found.moves);
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
        let base = contents(base).into_iter().map(|(path, put)| (path, Base { put, own: None })).collect();
        let ours = |path: &str| Ok::<_, Infallible>(disk.get(path).copied());
        upgrade(&base, &contents(theirs), "2.0.0".parse().unwrap(), ours, |_, _| false).unwrap()
    }

    /// What a version has, and what was moved for it.
    type Made<'a> = (&'a [(&'a str, &'a str)], &'a [Move]);

    fn going_back(done: &[Made<'_>], loss: Loss, disk: &BTreeMap<String, Filed>) -> Result<Moves, Blocked> {
        let puts: Vec<_> = done.iter().map(|(put, _)| contents(put)).collect();
        let done: Vec<Done<'_>> = puts.iter().zip(done).map(|(put, (_, moves))| Done { put, moves }).collect();
        undo(&done, loss, "kept", &BTreeMap::new(), |path| Ok::<_, Infallible>(disk.get(path).copied()), |_, _| false).unwrap()
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
        let back = going_back(&[(&v2, &moves.moves)], Loss::Refuse, &disk).unwrap();
        carry_out(&mut disk, &back.moves);
        assert_eq!(disk, first);
    }

    #[test]
    fn a_first_install_replaces_what_is_there_and_going_back_over_two_versions_brings_it_back() {
        let mut disk = contents(&[("a", "old"), ("x", "other")]);
        let first = disk.clone();
        let (v1, v2) = ([("a", "1"), ("b", "1")], [("a", "2")]);
        let one = to(&disk, &[], &v1);
        assert_eq!(one.fates, [("a".to_owned(), Fate::Replaced), ("b".to_owned(), Fate::Added)]);
        carry_out(&mut disk, &one.moves);
        let two = to(&disk, &v1, &v2);
        carry_out(&mut disk, &two.moves);
        let back = going_back(&[(&v2, &two.moves), (&v1, &one.moves)], Loss::Refuse, &disk).unwrap();
        carry_out(&mut disk, &back.moves);
        assert_eq!(disk, first);
    }

    #[test]
    fn what_somebody_put_between_two_installs_is_not_lost_when_both_go() {
        let mut disk = BTreeMap::new();
        let versions = [contents(&[("a", "one")]), contents(&[]), contents(&[("a", "three")])];
        let mut done: Vec<Vec<Move>> = Vec::new();
        let mut base: BTreeMap<String, Base> = BTreeMap::new();
        for (number, theirs) in (1..).zip(&versions) {
            if number == 3 {
                disk.insert("a".to_owned(), hash("somebody's"));
            }
            let version = format!("{number}.0.0").parse().unwrap();
            let ours = |path: &str| Ok::<_, Infallible>(disk.get(path).copied());
            let moves = upgrade(&base, theirs, version, ours, |_, _| false).unwrap();
            carry_out(&mut disk, &moves.moves);
            done.insert(0, moves.moves);
            base = theirs.iter().map(|(path, put)| (path.clone(), Base { put: *put, own: None })).collect();
        }
        let all: Vec<Done<'_>> = versions.iter().rev().zip(&done).map(|(put, moves)| Done { put, moves }).collect();
        let ours = |path: &str| Ok::<_, Infallible>(disk.get(path).copied());
        let back = undo(&all, Loss::Refuse, "kept-3.0.0", &BTreeMap::new(), ours, |_, _| false).unwrap().unwrap();
        carry_out(&mut disk, &back.moves);
        assert_eq!(disk, contents(&[("a", "somebody's")]));
    }

    /// A name came in other letters, and somebody made a file under the old one: two are owed for one place.
    #[test]
    fn what_somebody_put_where_something_else_is_owed_is_laid_beside() {
        let moved = |path: &str, before: Option<&str>, after: Option<&str>| Move {
            path: path.to_owned(),
            before: before.map(hash),
            after: after.map(hash),
        };
        let one = [moved("A", Some("own"), Some("one"))];
        let two = [moved("A", Some("one"), None), moved("a", None, Some("one"))];
        let three = [moved("a", Some("one"), None)];
        let four = [moved("A", Some("somebody's"), Some("four"))];
        let all: [Made<'_>; 4] = [(&[("A", "four")], &four), (&[], &three), (&[("a", "one")], &two), (&[("A", "one")], &one)];
        let mut disk = contents(&[("A", "four"), ("A.kept-before", "older")]);
        assert_eq!(going_back(&all, Loss::Refuse, &disk), Err(Blocked(vec!["A".to_owned()])));
        let back = going_back(&all, Loss::KeepBeside, &disk).unwrap();
        carry_out(&mut disk, &back.moves);
        // What an earlier time laid there stays.
        assert_eq!(disk, contents(&[("A", "own"), ("A.kept-before", "older"), ("A.kept-before-2", "somebody's")]));
    }

    #[test]
    fn going_back_over_a_change_made_since_is_refused_or_keeps_it_beside() {
        let mut disk = contents(&[]);
        let moves = to(&disk, &[], &[("a", "1"), ("b", "1")]);
        carry_out(&mut disk, &moves.moves);
        disk.insert("a".to_owned(), hash("mine"));
        disk.remove("b");
        let undoing = |loss, disk: &BTreeMap<String, Filed>| going_back(&[(&[("a", "1"), ("b", "1")], &moves.moves)], loss, disk);
        assert_eq!(undoing(Loss::Refuse, &disk), Err(Blocked(vec!["a".to_owned()])));
        let back = undoing(Loss::KeepBeside, &disk).unwrap();
        carry_out(&mut disk, &back.moves);
        assert_eq!(disk, contents(&[("a.kept", "mine")]));
    }

    #[test]
    fn what_lies_beside_from_an_earlier_time_stays() {
        let mut disk = contents(&[("a", "first change"), ("a.kept", "an older one"), ("a.kept-2", "first change")]);
        let install = [Move { path: "a".to_owned(), before: None, after: Some(hash("1")) }];
        let undoing = |disk: &BTreeMap<String, Filed>| going_back(&[(&[("a", "1")], &install)], Loss::KeepBeside, disk).unwrap();
        let again = undoing(&disk);
        assert_eq!(again.fates, [("a".to_owned(), Fate::TakenBack { beside: "a.kept-2".to_owned() })], "it lies there already");
        assert_eq!(again.moves.len(), 1);
        disk.insert("a".to_owned(), hash("second change"));
        let back = undoing(&disk);
        carry_out(&mut disk, &back.moves);
        assert_eq!(disk, contents(&[("a.kept", "an older one"), ("a.kept-2", "first change"), ("a.kept-3", "second change")]));

        let mut disk = contents(&[("b", "mine"), ("b.new-2.0.0", "where I put the two together")]);
        let moves = to(&disk, &[("b", "1")], &[("b", "2")]);
        carry_out(&mut disk, &moves.moves);
        assert_eq!(disk, contents(&[("b", "mine"), ("b.new-2.0.0", "where I put the two together"), ("b.new-2.0.0-2", "2")]));
        assert_eq!(moves.fates, [("b".to_owned(), Fate::Kept { beside: Some("b.new-2.0.0-2".to_owned()) })]);
    }

    #[test]
    fn what_a_version_does_not_have_any_more_gives_way_to_what_was_there_before_any() {
        let mut disk = contents(&[("a", "1"), ("b", "mine")]);
        let base = ["a", "b"].map(|path| (path.to_owned(), Base { put: hash("1"), own: Some(hash("own")) }));
        let ours = |path: &str| Ok::<_, Infallible>(disk.get(path).copied());
        let moves = upgrade(&BTreeMap::from(base), &BTreeMap::new(), "2.0.0".parse().unwrap(), ours, |_, _| false).unwrap();
        carry_out(&mut disk, &moves.moves);
        assert_eq!(disk, contents(&[("a", "own"), ("b", "mine")]));
        assert_eq!(moves.fates, [("a".to_owned(), Fate::Restored), ("b".to_owned(), Fate::Kept { beside: None })]);
    }

    /// As on Windows and macOS: one file whatever the case, under the name that it was made with.
    #[test]
    fn a_file_whose_name_changes_only_in_case_stays_one_file() {
        type Disk = BTreeMap<String, (String, Filed)>;
        let look = |disk: &Disk, path: &str| disk.get(&collision_key(path)).map(|(_, filed)| *filed);
        let go = |disk: &mut Disk, moves: &[Move]| {
            for moved in moves {
                assert_eq!(look(disk, &moved.path), moved.before, "{}", moved.path);
                match moved.after {
                    Some(after) => drop(disk.insert(collision_key(&moved.path), (moved.path.clone(), after))),
                    None => drop(disk.remove(&collision_key(&moved.path))),
                }
            }
        };
        let is_one = |one: &str, other: &str| collision_key(one) == collision_key(other);
        for (old, new, text) in [("A.xml", "a.xml", "1"), ("a.xml", "A.xml", "1"), ("A.xml", "a.xml", "2"), ("a.xml", "A.xml", "2")] {
            let first: Disk = [(collision_key(old), (old.to_owned(), hash("1")))].into();
            let base = BTreeMap::from([(old.to_owned(), Base { put: hash("1"), own: None })]);
            let to = |disk: &Disk| {
                let ours = |path: &str| Ok::<_, Infallible>(look(disk, path));
                upgrade(&base, &contents(&[(new, text)]), "2.0.0".parse().unwrap(), ours, is_one).unwrap()
            };
            let mut disk = first.clone();
            let moves = to(&disk).moves;
            go(&mut disk, &moves);
            assert_eq!(disk.values().cloned().collect::<Vec<_>>(), [(new.to_owned(), hash(text))]);
            let ours = |path: &str| Ok::<_, Infallible>(look(&disk, path));
            let put = contents(&[(new, text)]);
            let back = undo(&[Done { put: &put, moves: &moves }], Loss::Refuse, "kept", &BTreeMap::new(), ours, is_one).unwrap().unwrap();
            go(&mut disk, &back.moves);
            assert_eq!(disk, first);
            // What somebody changed stays, under whatever name it has.
            let mut disk: Disk = [(collision_key(old), (old.to_owned(), hash("mine")))].into();
            let moves = to(&disk).moves;
            go(&mut disk, &moves);
            assert_eq!(disk[&collision_key(old)], (old.to_owned(), hash("mine")));
            assert_eq!(disk.len(), if text == "1" { 1 } else { 2 });
        }
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
