//! What does a table look like after the application changed it? Pure: the shape that is known and the one that was found in, one shape out.
//!
//! A field keeps its number as long as its name is there; a new name gets the next number, and the number of a dropped field is never
//! given to another name. Which new name is an old field under another name cannot be read from a schema: [`gaps`] says which
//! *may* be, and whoever can look at the records decides.

use std::collections::BTreeSet;

use crate::model::{Field, FieldNo, ForeignKey, Shape, UniqueSet};

/// Something that was found to be otherwise, as a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::sync) enum Event {
    #[error("the schema of the main office is here in version {0}")]
    SchemaHad(u64),
    #[error("{0}")]
    Said(String),
    #[error("table `{0}` is new: it is tracked from now on")]
    NewTable(String),
    #[error("what is in `{0}` does not travel: {1}")]
    Untracked(String, String),
    #[error("table `{0}` is back: it is tracked again")]
    TableBack(String),
    #[error(
        "table `{0}` is gone: it is tracked no longer, and nobody is told to delete its records; what it held last is in 'fieldpost history'"
    )]
    TableGone(String),
    #[error("table `{0}` is called `{1}` now")]
    TableRenamed(String, String),
    #[error(
        "another table is called `{0}` now, which does not hold the records of the former one: what other sites have not sent yet of that goes into `{1}`"
    )]
    NameTaken(String, String),
    #[error("table `{0}` was the new one of `{1}`, which it is from now on")]
    TableBecame(String, String),
    #[error(
        "table `{0}` names its records by other columns than before: it is taken for a new one; what the former one held last is in 'fieldpost history'"
    )]
    OtherKey(String),
    #[error("column `{1}` of table `{0}` is new: it travels from now on")]
    NewField(String, String),
    #[error("column `{1}` of table `{0}` is gone; what it held last is in 'fieldpost history'")]
    FieldGone(String, String),
    #[error("column `{1}` of table `{0}` is called `{2}` now")]
    FieldRenamed(String, String, String),
    #[error(
        "column `{1}` of table `{0}` is gone and `{2}` is new in its place; nothing shows that it is a new name of `{1}`, so it is taken for another column"
    )]
    FieldReplaced(String, String, Names),
    #[error(
        "column `{2}` of table `{0}` holds now what `{1}` held, which is gone; nothing shows for certain that it is `{1}` under the name of another one, so it is taken for what had the name before"
    )]
    FieldTakenOver(String, String, String),
}

/// Names in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sync) struct Names(pub Vec<String>);

impl std::fmt::Display for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("`, `"))
    }
}

/// SQLite compares names without ASCII case.
pub(in crate::sync) fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Fields that are gone, and new names that each of them may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sync) struct Gap {
    pub gone: Vec<FieldNo>,
    pub new: Vec<String>,
}

/// Where a new name may be an old field: wherever it stands. A rename by hand adds a column at the end, copies, and drops the old one; and
/// what the order of columns was before a table was made anew nobody knows.
pub(in crate::sync) fn gaps(old: &Shape, found: &Shape) -> Vec<Gap> {
    let is_new = |name: &&str| old.live_fields().all(|field| !same_name(old.name_of(field), name));
    let is_gone = |field: &FieldNo| found.live_fields().all(|there| !same_name(found.name_of(there), old.name_of(*field)));
    let gone: Vec<FieldNo> = old.live_fields().filter(is_gone).collect();
    let new: Vec<String> = found.live_fields().map(|field| found.name_of(field)).filter(is_new).map(str::to_owned).collect();
    if gone.is_empty() || new.is_empty() { Vec::new() } else { vec![Gap { gone, new }] }
}

/// The shape from now on. A name in `anew` is another field than the one that has or had it; a field in `renames` is in the table under that
/// name, whether it was in it before or not.
pub(in crate::sync) fn merged(old: &Shape, found: &Shape, renames: &[(FieldNo, String)], anew: &BTreeSet<String>) -> Shape {
    let mut shape = old.clone();
    if shape.name != found.name {
        shape.past.names.retain(|name| *name != found.name);
        shape.past.names.push(std::mem::replace(&mut shape.name, found.name.clone()));
    }
    let rename = |shape: &mut Shape, field: FieldNo, name: &str| {
        let before = std::mem::replace(&mut shape.fields[field.index()].name, name.to_owned());
        if before != name {
            shape.past.fields.insert(before, field);
        }
    };
    for (field, name) in renames {
        rename(&mut shape, *field, name);
        shape.fields[field.index()].dropped = false;
    }
    let is_renamed = |field: FieldNo| renames.iter().any(|(renamed, _)| *renamed == field);
    // Its name is another one's now.
    let is_taken = |name: &str| anew.contains(name) || renames.iter().any(|(_, to)| same_name(to, name));
    let there = |name: &str| found.live_fields().find(|field| same_name(found.name_of(*field), name));
    for field in old.live_fields() {
        match there(shape.name_of(field)).filter(|_| is_renamed(field) || !is_taken(shape.name_of(field))) {
            Some(found_field) => rename(&mut shape, field, found.name_of(found_field)),
            None => shape.fields[field.index()].dropped = true,
        }
    }
    let mut numbers = Vec::with_capacity(found.fields.len());
    for field in found.live_fields() {
        let name = found.name_of(field);
        let known = shape.live_fields().find(|field| shape.name_of(*field) == name);
        // A name that a field had which is still there under another one says nothing: this is a new field.
        let dropped = || (0u16..).zip(&shape.fields).find(|(_, field)| field.dropped && field.name == name);
        let known = known.or_else(|| dropped().filter(|_| !anew.contains(name)).map(|(number, _)| FieldNo(number)));
        let number = known.unwrap_or_else(|| {
            shape.fields.push(Field { name: name.to_owned(), dropped: true });
            FieldNo(u16::try_from(shape.fields.len() - 1).expect("SQLite has at most 32767 columns, and nobody drops as many again"))
        });
        shape.fields[number.index()].dropped = false;
        numbers.push(number);
    }
    let map = |fields: &[FieldNo]| fields.iter().filter_map(|field| numbers.get(field.index()).copied()).collect::<Vec<_>>();
    shape.key = map(&found.key);
    shape.key_kind = found.key_kind;
    shape.references = found.references.iter().map(|one| ForeignKey { fields: map(&one.fields), ..one.clone() }).collect();
    shape.uniques = found.uniques.iter().map(|set| UniqueSet { fields: map(&set.fields) }).collect();
    shape.without_rowid = found.without_rowid;
    shape.past.begin();
    shape
}

/// What is otherwise about the fields of a table that is still there.
pub(in crate::sync) fn field_events(old: &Shape, new: &Shape, renames: &[(FieldNo, String)], gaps: &[Gap]) -> Vec<Event> {
    let table = || new.name.clone();
    let mut events: Vec<Event> =
        renames.iter().map(|(field, name)| Event::FieldRenamed(table(), old.name_of(*field).to_owned(), name.clone())).collect();
    let is_rename = |name: &str| renames.iter().any(|(_, renamed)| renamed == name);
    for field in old.live_fields().filter(|field| !new.is_live(*field)) {
        let name = old.name_of(field).to_owned();
        let new = gaps.iter().filter(|gap| gap.gone.contains(&field)).flat_map(|gap| &gap.new);
        let in_its_place: Vec<String> = new.filter(|name| !is_rename(name)).cloned().collect();
        events.push(if in_its_place.is_empty() {
            Event::FieldGone(table(), name)
        } else {
            Event::FieldReplaced(table(), name, Names(in_its_place))
        });
    }
    let fresh = new.live_fields().filter(|field| !old.is_live(*field));
    events.extend(fresh.map(|field| Event::NewField(table(), new.name_of(field).to_owned())));
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KeyKind, Past, TableNo};

    fn shape(name: &str, fields: &[&str]) -> Shape {
        Shape {
            number: TableNo(0),
            name: name.into(),
            fields: fields.iter().map(|name| Field { name: (*name).into(), dropped: false }).collect(),
            key: vec![FieldNo(0)],
            key_kind: KeyKind::Natural,
            references: Vec::new(),
            uniques: Vec::new(),
            without_rowid: false,
            numbers: Vec::new(),
            identity_fields: Vec::new(),
            past: Past::default(),
        }
    }

    #[test]
    fn a_new_name_may_be_an_old_field_wherever_it_stands() {
        let old = shape("t", &["id", "a", "b", "c"]);
        let gap = |gone: &[u16], new: &str| vec![Gap { gone: gone.iter().copied().map(FieldNo).collect(), new: vec![new.to_owned()] }];
        assert_eq!(gaps(&old, &shape("t", &["id", "x", "b", "c"])), gap(&[1], "x"));
        assert_eq!(gaps(&old, &shape("t", &["id", "B", "x"])), gap(&[1, 3], "x"), "the same name spelled otherwise is no new one");
        assert_eq!(gaps(&old, &shape("t", &["id", "A", "b", "c", "x"])), []);
        assert_eq!(gaps(&old, &shape("t", &["id", "c"])), []);
    }

    #[test]
    fn numbers_are_never_given_to_another_name() {
        let old = shape("t", &["id", "a", "b"]);
        let dropped = merged(&old, &shape("t", &["id", "b"]), &[], &BTreeSet::new());
        assert!(dropped.fields[1].dropped);
        let added = merged(&dropped, &shape("t", &["id", "b", "c"]), &[], &BTreeSet::new());
        assert_eq!(added.field("c"), Some(FieldNo(3)));
        let back = merged(&added, &shape("t", &["id", "a", "c"]), &[], &BTreeSet::new());
        assert_eq!((back.field("a"), back.field("b")), (Some(FieldNo(1)), None));
        let renamed = merged(&back, &shape("u", &["id", "d", "c"]), &[(FieldNo(1), "d".into())], &BTreeSet::new());
        assert_eq!((renamed.field("d"), renamed.field("a")), (Some(FieldNo(1)), Some(FieldNo(1))), "neighbours still say `a`");
        assert_eq!(renamed.past.names, ["t"]);
        let taken = merged(&renamed, &shape("u", &["id", "d", "c", "a"]), &[], &BTreeSet::new());
        assert_eq!((taken.field("d"), taken.field("a")), (Some(FieldNo(1)), Some(FieldNo(4))), "the former name of another one");
        let anew = BTreeSet::from(["b".to_owned()]);
        let other = merged(&old, &shape("t", &["id", "a", "b"]), &[], &anew);
        assert_eq!((other.field("b"), other.is_live(FieldNo(2))), (Some(FieldNo(3)), false), "another column under the same name");
        let taken = merged(&old, &shape("t", &["id", "A"]), &[(FieldNo(2), "A".into())], &BTreeSet::new());
        assert_eq!((taken.field("A"), taken.is_live(FieldNo(1))), (Some(FieldNo(2)), false), "the name of one that went in the same go");
        let again = merged(&dropped, &shape("t", &["id", "a", "b"]), &[], &BTreeSet::from(["a".to_owned()]));
        assert_eq!((again.field("a"), again.field("b")), (Some(FieldNo(3)), Some(FieldNo(2))));
    }
}
