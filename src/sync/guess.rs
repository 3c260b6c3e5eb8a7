//! Is a name that came one that went, under another name? Where nobody tells, places and records do.
//!
//! A rename is believed where the new name stands in the place of the old one *and* the records hold there what the mirror
//! holds; else the column is dropped and another one added, and the report names both. A table is the same under another name
//! where our triggers went with it, or where all its columns are there and its records are those of the mirror.

use std::collections::{BTreeMap, BTreeSet};

use super::evolve::{Gap, merged, same_name};
use super::{Result, Session};
use crate::database::Database;
use crate::model::{FieldNo, Key, Row, Shape, Value};

/// Records looked at to see whether a name is another name for something known.
const SAMPLE: usize = 2_000;

/// Notes read to know which of them were edited meanwhile.
const NOTED: usize = 100_000;

/// Fields that have another name now: those for which exactly one new column in their place holds what the mirror holds. Out of the gaps
/// goes what is clearly another column: in records that nobody touched it holds what it was filled with, and the one that went held something else.
pub(super) fn renames(session: &Session, old: &Shape, found: &Shape, gaps: &mut Vec<Gap>) -> Result<Vec<(FieldNo, String)>> {
    if gaps.is_empty() {
        return Ok(Vec::new());
    }
    let database = session.database()?;
    let candidate = merged(old, found, &[], &BTreeSet::new());
    let mut pairs: Vec<(FieldNo, FieldNo)> = Vec::new();
    let mut defaults = BTreeMap::new();
    for gap in gaps.iter() {
        for new in gap.new.iter().filter_map(|name| candidate.field(name)) {
            defaults.insert(new, database.constant_default(&candidate, new)?);
            pairs.extend(gap.gone.iter().map(|gone| (*gone, new)));
        }
    }
    let mut evidence: BTreeMap<(FieldNo, FieldNo), Evidence> = BTreeMap::new();
    let mut holds_more: BTreeSet<FieldNo> = BTreeSet::new();
    let looked = compare_sample(session, old, &candidate, &mut |mirror, row, noted| {
        for pair @ (gone, new) in &pairs {
            let (was, is) = (mirror.get(*gone), row.get(*new));
            let telling = *is != Value::Null && defaults.get(new).is_some_and(|default| default.as_ref() != Some(is));
            evidence.entry(*pair).or_default().add(was.converts_to(is), telling, noted);
            if !noted && (telling || defaults.get(new).is_none_or(Option::is_none)) {
                holds_more.insert(*new);
            }
        }
    })?;
    let differs = |new: FieldNo| {
        let mut seen = evidence.iter().filter(|((_, one), _)| *one == new).peekable();
        seen.peek().is_some() && seen.all(|(_, evidence)| evidence.differs())
    };
    let is_another = |name: &str| candidate.field(name).is_some_and(|new| looked && !holds_more.contains(&new) && differs(new));
    gaps.iter_mut().for_each(|gap| gap.new.retain(|name| !is_another(name)));
    gaps.retain(|gap| !gap.new.is_empty());
    let agreeing: Vec<(FieldNo, FieldNo)> =
        evidence.into_iter().filter(|(_, evidence)| evidence.is_enough()).map(|(pair, _)| pair).collect();
    let only = |(gone, new): &(FieldNo, FieldNo)| agreeing.iter().filter(|(g, n)| g == gone || n == new).count() == 1;
    let named = |(gone, new): &(FieldNo, FieldNo)| (*gone, candidate.name_of(*new).to_owned());
    Ok(if looked { agreeing.iter().filter(|pair| only(pair)).map(named).collect() } else { Vec::new() })
}

/// Whether a table that is new is one that is missing, under another name.
pub(super) fn is_same_table(session: &Session, old: &Shape, found: &Shape) -> Result<bool> {
    // Triggers go with a table that is renamed, whatever else is changed about it.
    if let Some(now) = session.database()?.renamed_to(old)? {
        return Ok(same_name(&now, &found.name));
    }
    let names = |shape: &Shape| shape.live_fields().map(|field| shape.name_of(field).to_owned()).collect::<Vec<_>>();
    let keys = |shape: &Shape| shape.key.iter().map(|field| shape.name_of(*field).to_owned()).collect::<Vec<_>>();
    if names(old) != names(found) || keys(old) != keys(found) || old.key_kind != found.key_kind {
        return Ok(false);
    }
    let mut evidence = Evidence::default();
    let looked = compare_sample(session, old, &merged(old, found, &[], &BTreeSet::new()), &mut |mirror, row, noted| {
        evidence.add(mirror.same(row), true, noted);
    })?;
    Ok(looked && evidence.is_enough())
}

/// What records say of a name that may be another name for something known.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    /// Records that nobody touched and that hold the same, and not only what a new column is filled with.
    telling: u64,
    /// Records that were noted (the migration itself may have written to all of them) and tell the same, or hold something else.
    noted_telling: u64,
    noted_other: u64,
    /// Records that nobody touched and that hold something else.
    other: u64,
}

impl Evidence {
    fn add(&mut self, same: bool, telling: bool, noted: bool) {
        self.telling += u64::from(same && telling && !noted);
        self.noted_telling += u64::from(same && telling && noted);
        self.noted_other += u64::from(!same && noted);
        self.other += u64::from(!same && !noted);
    }

    const fn differs(&self) -> bool {
        self.other > 0
    }

    const fn is_enough(&self) -> bool {
        self.other == 0 && (self.telling > 0 || self.noted_telling > 0 && self.noted_telling >= self.noted_other)
    }
}

/// Shows mirror and record of up to [`SAMPLE`] records, read by a shape that may be the right one, and whether the record was noted since
/// the mirror was made. False where the database cannot be read by it.
fn compare_sample(session: &Session, old: &Shape, candidate: &Shape, each: &mut dyn FnMut(&Row, &Row, bool)) -> Result<bool> {
    let (database, ledger) = (session.database()?, &session.ledger);
    let noted = noted(session, database, old)?;
    database.begin_read()?;
    let mut pairs = Vec::new();
    let scanned = database.scan(candidate, None, SAMPLE, &mut |key, row| {
        pairs.push((key, Row::decode(row)));
    });
    database.end_read()?;
    match scanned {
        Err(crate::database::DatabaseError::ShapeMoved { .. }) => return Ok(false),
        scanned => scanned?,
    };
    for (key, row) in pairs {
        let mirror = ledger.peek(old, &key, |mirror| mirror.map(Row::decode))?;
        if let (Some(Ok(mirror)), Ok(row)) = (mirror, row) {
            each(&mirror, &row, noted.contains(&key));
        }
    }
    Ok(true)
}

/// Keys that were noted since the last seal.
pub(super) fn noted(session: &Session, database: &Database, shape: &Shape) -> Result<BTreeSet<Key>> {
    if !database.has_log(shape)? {
        return Ok(BTreeSet::new());
    }
    let notes = database.notes(shape, session.ledger.sealed(shape.number)?, NOTED)?;
    Ok(notes.into_iter().filter_map(|note| note.key.ok()).collect())
}
