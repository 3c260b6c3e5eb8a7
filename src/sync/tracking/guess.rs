//! Is a name that came one that went, under another name? Where nobody tells, records do.
//!
//! A rename is believed where the records hold under the new name what the mirror holds under the old one; else the column is dropped and
//! another one added, and the report names both. A table is the same under another name
//! where our triggers went with it, or where all its columns are there and its records are those of the mirror.
//!
//! A name that is there as before may be another column: renamed, and a new one made under the name; dropped, and made again; two that exchanged
//! their names. A table that was only altered still has our triggers, so a record that holds something else and was not noted tells it. Where
//! the migration wrote to every record, the order of the columns does ([`Order`]), with what they held in another one's place. Of
//! a table that was made anew nothing tells it: there a name goes on, and where the values say otherwise a person is asked ([`taken_over`]).
//!
//! Of a table that was made anew *and* is called otherwise only its records can tell ([`Likeness`]): what has its columns and all its records is it. Where
//! one was set aside under another name and its own name is there as well, nine records of ten are enough for the name to go on.

use std::collections::{BTreeMap, BTreeSet};

use super::evolve::{Gap, merged, same_name};
use super::upgrade::{as_armed, captured};
use crate::database::Database;
use crate::model::{FieldNo, Key, KeyKind, Row, Shape, Value};
use crate::site::Role;
use crate::sync::schema::columns_noticed;
use crate::sync::schema::hints::is_alike;
use crate::sync::{Result, Session};

/// Records looked at to see whether a name is another name for something known.
pub(in crate::sync) const SAMPLE: usize = 2_000;

/// Notes read to know which of them were edited meanwhile.
const NOTED: usize = 100_000;

/// What became of names that nobody told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sync) struct Guess {
    /// Fields that have another name now.
    pub renamed: Vec<(FieldNo, String)>,
    /// Names that another column has now: it was dropped and made again.
    pub anew: Vec<String>,
    /// Fields that ended because their names went to others, each with new columns that it may be: nothing shows what of.
    pub unclear: Vec<Gap>,
}

/// Fields that have another name now: those for which exactly one column that is new, or that is another one under its name, holds what the
/// mirror holds. Out of the gaps goes what is clearly another column: in records that nobody touched it holds what it was filled with, and
/// the one that went held something else. `of_key` are the key's columns as far as their names were other columns' ([`key_renames`]).
pub(in crate::sync) fn guess(
    session: &Session,
    old: &Shape,
    found: &Shape,
    of_key: &[(FieldNo, String)],
    gaps: &mut Vec<Gap>,
) -> Result<Guess> {
    let database = session.database()?;
    let candidate = merged(old, found, of_key, &BTreeSet::new());
    // A table that was only altered: what differs in a record that no trigger noted was written by nobody, so it is another column.
    let altered = session.rules.schema_travels() && is_captured(session, old, found)?;
    let stayed: Vec<FieldNo> = old.live_fields().filter(|field| altered && candidate.is_live(*field) && !old.is_key(*field)).collect();
    if gaps.is_empty() && stayed.is_empty() && of_key.is_empty() {
        return Ok(Guess::default());
    }
    let told = of_key;
    // SQLite drops no column of a key: one that is gone from a table that was only altered is called otherwise, whatever the records show. So it is
    // where a table was made anew and no record is left to show anything: taken for another table, it would lose what others have not sent.
    let is_new = |name: &str| old.live_fields().all(|field| !same_name(old.name_of(field), name));
    let key = old.key.iter().zip(&found.key).map(|(was, is)| (*was, found.name_of(*is).to_owned()));
    let mut of_key: Vec<(FieldNo, String)> = key.filter(|(was, is)| is_new(is) && !candidate.is_live(*was)).collect();
    if !altered && !of_key.is_empty() && (!session.rules.schema_travels() || database.count(found)? > 0) {
        of_key.clear();
    }
    of_key.extend(told.iter().cloned());
    let come: Vec<FieldNo> = candidate.live_fields().filter(|field| !old.is_live(*field)).collect();
    let gone: Vec<FieldNo> = old.live_fields().filter(|field| !candidate.is_live(*field)).collect();
    let mut defaults = BTreeMap::new();
    for field in come.iter().chain(&stayed) {
        defaults.insert(*field, database.constant_default(&candidate, *field)?);
    }
    let mut pairs: Vec<(FieldNo, FieldNo)> = Vec::new();
    for was in gone.iter().chain(&stayed) {
        pairs.extend(come.iter().chain(&stayed).filter(|new| was != *new).map(|new| (*was, *new)));
    }
    let mut evidence: BTreeMap<(FieldNo, FieldNo), Evidence> = BTreeMap::new();
    let mut names: BTreeMap<FieldNo, Name> = BTreeMap::new();
    let mut values: BTreeMap<(bool, FieldNo), BTreeSet<String>> = BTreeMap::new();
    let mut holds_more: BTreeSet<FieldNo> = BTreeSet::new();
    let mut written: BTreeSet<FieldNo> = BTreeSet::new();
    let is_default = |field: &FieldNo, value: &Value| defaults.get(field).and_then(Option::as_ref) == Some(value);
    let looked = compare_sample(session, old, &candidate, &mut |mirror, row, noted| {
        for pair @ (was_field, new) in &pairs {
            let (was, is) = (mirror.get(*was_field), row.get(*new));
            let telling = *is != Value::Null && defaults.get(new).is_some_and(|default| default.as_ref() != Some(is));
            evidence.entry(*pair).or_default().add(was.converts_to(is), telling, noted);
            if telling || defaults.get(new).is_none_or(Option::is_none) {
                if noted { &mut written } else { &mut holds_more }.insert(*new);
            }
        }
        for field in &stayed {
            let (was, is) = (mirror.get(*field), row.get(*field));
            names.entry(*field).or_default().add(was.converts_to(is), is_default(field, is), noted);
        }
        for (field, value) in come.iter().map(|field| (field, row.get(*field))).chain(gone.iter().map(|field| (field, mirror.get(*field))))
        {
            values.entry((noted, *field)).or_default().insert(value.to_string());
        }
    })?;
    if !looked {
        return Ok(Guess { renamed: of_key, ..Guess::default() });
    }
    // Two columns hold the same in some records, so that a name seems to go on there: what shows that it does not is the other records, if all
    // of them hold what one other column held.
    let left = |was: &FieldNo| gone.contains(was) || names.get(was).is_some_and(Name::differs);
    let took_over = |field: &FieldNo| evidence.iter().any(|((was, new), evidence)| new == field && left(was) && evidence.is_certain());
    let is_moved = |(field, name): &(&FieldNo, &Name)| name.is_another() || name.differs() && took_over(field);
    let mut moved: BTreeSet<FieldNo> = names.iter().filter(is_moved).map(|(field, _)| *field).collect();
    // Where every record was noted: what a name meant is elsewhere, and it stands where it cannot have stayed or holds what another one held.
    let order = Order::of(session, old, found, !stayed.is_empty())?;
    let goes_to = |was: &FieldNo, new: &FieldNo| was != new && evidence.get(&(*was, *new)).is_some_and(Evidence::is_nearly_all_noted);
    let is_rewritten = |field: &&FieldNo| names.get(field).is_some_and(Name::is_rewritten);
    let is_set_back = |field: &&FieldNo| order.is_set_back(old.name_of(**field));
    // Some may hold by chance what they held.
    let is_other = |field: &&FieldNo| is_rewritten(field) || is_set_back(field) && names.get(field).is_some_and(Name::is_written);
    loop {
        let is_elsewhere = |field: &&FieldNo| come.iter().chain(&stayed).any(|new| goes_to(field, new));
        let is_taken = |field: &&FieldNo| gone.iter().chain(&moved).any(|was| goes_to(was, field));
        let rest = stayed.iter().filter(|field| !moved.contains(field)).filter(is_other).filter(is_elsewhere);
        let more: Vec<FieldNo> = rest.filter(|field| is_set_back(field) || is_taken(field)).copied().collect();
        if more.is_empty() {
            break;
        }
        moved.extend(more);
    }
    let seen = evidence.clone();
    // What stayed is neither end of a rename.
    evidence.retain(|(was, new), _| (moved.contains(was) || gone.contains(was)) && (moved.contains(new) || come.contains(new)));
    evidence.retain(|(was, new), _| of_key.iter().all(|(field, name)| field != was && name != candidate.name_of(*new)));
    let differs = |new: FieldNo| {
        let mut seen = evidence.iter().filter(|((_, one), _)| *one == new).peekable();
        seen.peek().is_some() && seen.all(|(_, evidence)| evidence.differs())
    };
    // A column that has far fewer values than the one that went is no other spelling of it; in a record that was noted it may have lost its value.
    let noted = values.keys().all(|(noted, _)| *noted);
    let says_nothing = |new: FieldNo| {
        let count = |field: &FieldNo| values.get(&(noted, *field)).map_or(0, BTreeSet::len);
        // Where there is no record nothing tells anything.
        !gone.is_empty() && gone.iter().all(|gone| count(gone) > 0 && count(&new) * 2 <= count(gone))
    };
    let is_another = |name: &str| candidate.field(name).is_some_and(|new| !holds_more.contains(&new) && differs(new) || says_nothing(new));
    gaps.iter_mut().for_each(|gap| gap.new.retain(|name| !is_another(name)));
    gaps.retain(|gap| !gap.new.is_empty());
    let agreeing: Vec<(FieldNo, FieldNo)> =
        evidence.into_iter().filter(|(_, evidence)| evidence.is_enough()).map(|(pair, _)| pair).collect();
    let only = |(gone, new): &(FieldNo, FieldNo)| agreeing.iter().filter(|(g, n)| g == gone || n == new).count() == 1;
    let named = |(gone, new): &(FieldNo, FieldNo)| (*gone, candidate.name_of(*new).to_owned());
    let renamed: Vec<(FieldNo, String)> = agreeing.iter().filter(|pair| only(pair)).map(named).chain(of_key.clone()).collect();
    let goes = |field: &&FieldNo| {
        let taken = renamed.iter().any(|(_, to)| same_name(to, candidate.name_of(**field)));
        let is_new = names[*field].is_filled() || is_set_back(field) && names[*field].is_emptied();
        renamed.iter().all(|(from, _)| from != *field) && (taken || is_new)
    };
    let mut ended: Vec<FieldNo> = moved.iter().filter(goes).copied().collect();
    // It cannot have stayed, and something else is where it was: only a person can tell.
    let is_host = session.settings.role == Role::Host;
    let in_its_place = |field: &&FieldNo| come.iter().any(|new| order.is_in_place_of(candidate.name_of(*new), old.name_of(**field)));
    let lost = stayed.iter().filter(|field| is_host && !moved.contains(field)).filter(is_rewritten).filter(is_set_back);
    ended.extend(lost.filter(in_its_place));
    // A column that came has a new name, or one that was left by its column, or that of one that ended.
    let is_left = |field: &&FieldNo| ended.contains(field) || renamed.iter().any(|(from, _)| from == *field);
    let is_new = |field: &&FieldNo| renamed.iter().all(|(_, to)| !same_name(to, candidate.name_of(**field)));
    let left = stayed.iter().filter(is_left).filter(is_new);
    // What was noted tells it where the column holds nothing there either.
    let is_other = |evidence: &Evidence, new: &FieldNo| evidence.differs() || evidence.noted_other > 0 && !written.contains(new);
    let differs =
        |was: FieldNo, new: FieldNo| !holds_more.contains(&new) && seen.get(&(was, new)).is_some_and(|evidence| is_other(evidence, &new));
    let mut unclear = Vec::new();
    for was in ended.iter().chain(gone.iter().filter(|was| renamed.iter().all(|(from, _)| from != *was))) {
        // Between the columns that went and the new names that came, gaps tell.
        let new = come.iter().filter(|_| ended.contains(was)).filter(is_new).chain(left.clone());
        let new = new.filter(|new| *new != was && !differs(*was, **new)).map(|new| candidate.name_of(*new).to_owned());
        unclear.push(Gap { gone: vec![*was], new: new.collect() });
    }
    unclear.retain(|gap| !gap.new.is_empty());
    let anew = ended.iter().map(|field| candidate.name_of(*field).to_owned()).collect();
    Ok(Guess { renamed, anew, unclear })
}

/// The columns of a table that was only altered, in their order, at the last look and now. What is added comes behind all others and nothing else
/// moves: a name that stands further back than it did is another column's.
#[derive(Debug, Default)]
struct Order {
    before: Vec<String>,
    now: Vec<String>,
}

impl Order {
    /// Nothing where it is not `asked` for, or not known.
    fn of(session: &Session, old: &Shape, found: &Shape, asked: bool) -> Result<Self> {
        let before = if asked { columns_noticed(session, old.number)? } else { Vec::new() };
        let now = if before.is_empty() { Vec::new() } else { session.database()?.columns_of(&found.name)? };
        Ok(Self { before, now })
    }

    fn place(columns: &[String], name: &str) -> Option<usize> {
        columns.iter().position(|column| same_name(column, name))
    }

    fn is_set_back(&self, name: &str) -> bool {
        Self::place(&self.before, name).zip(Self::place(&self.now, name)).is_some_and(|(before, now)| now > before)
    }

    /// Whether a column that came stands where another one stood, or before that.
    fn is_in_place_of(&self, new: &str, was: &str) -> bool {
        Self::place(&self.before, was).zip(Self::place(&self.now, new)).is_some_and(|(before, now)| now <= before)
    }
}

/// In a table that was made anew a name goes on ([`guess`]). Where nearly all records hold under such a name what a column that went held, and
/// hardly any what the name meant, it may be that column, under a name that it took over: this says which names those are, for a person to
/// tell.
pub(in crate::sync) fn taken_over(session: &Session, old: &Shape, found: &Shape) -> Result<Vec<(FieldNo, String)>> {
    let candidate = merged(old, found, &[], &BTreeSet::new());
    let (stayed, gone): (Vec<FieldNo>, Vec<FieldNo>) =
        old.live_fields().filter(|field| !old.is_key(*field)).partition(|field| candidate.is_live(*field));
    if stayed.is_empty() || gone.is_empty() || is_captured(session, old, found)? {
        return Ok(Vec::new());
    }
    let mut kept: BTreeMap<FieldNo, u64> = BTreeMap::new();
    let mut taken: BTreeMap<(FieldNo, FieldNo), Taken> = BTreeMap::new();
    let looked = compare_sample(session, old, &candidate, &mut |mirror, row, _| {
        for name in &stayed {
            let is = row.get(*name);
            *kept.entry(*name).or_default() += u64::from(*is != Value::Null && mirror.get(*name).converts_to(is));
            for was in gone.iter().map(|was| (*was, mirror.get(*was))).filter(|(_, value)| **value != Value::Null || *is != Value::Null) {
                let taken = taken.entry((was.0, *name)).or_default();
                taken.records += 1;
                taken.same += u64::from(was.1.converts_to(is));
            }
        }
    })?;
    let mut over = Vec::new();
    for ((was, name), Taken { records, same }) in taken.into_iter().filter(|_| looked) {
        // Nine of ten: some may have been edited since, when no trigger was there.
        if same * 10 >= records * 9 && kept[&name] * 10 <= records {
            over.push((was, candidate.name_of(name).to_owned()));
        }
    }
    Ok(over)
}

/// Records in which a column that went, or the name that may be it, holds anything.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    records: u64,
    /// Those that hold the same.
    same: u64,
}

/// Whether our triggers of a known table are on a found one: then it was only altered.
fn is_captured(session: &Session, old: &Shape, found: &Shape) -> Result<bool> {
    Ok(captured(session, old)?.is_some_and(|table| same_name(&table, &found.name)))
}

/// What the mirror's records of a table are in one that may be it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sync) struct Likeness {
    /// Records of the mirror that were looked for.
    records: u64,
    /// Those whose key is there and that nobody touched.
    untouched: Alike,
    /// Those that were noted since: the migration itself may have written to all of them.
    noted: Alike,
    /// Records of the whole mirror, and of the one that may be it.
    known: u64,
    found: u64,
}

/// Records of the mirror that are there.
#[derive(Clone, Copy, Debug, Default)]
struct Alike {
    there: u64,
    /// Those that hold most of what stood in them.
    most: u64,
    /// Those that hold all that stood in them; what was empty may be filled.
    all: u64,
}

impl Likeness {
    /// Those that tell.
    const fn telling(self) -> Alike {
        if self.untouched.there > 0 { self.untouched } else { self.noted }
    }

    /// So many records of ten are there, and nine of ten of those hold most of what stood in them: a migration may have converted a column, or
    /// filled it.
    const fn are_there(self, of_ten: u64) -> bool {
        let Alike { there, most, .. } = self.telling();
        let all_there = self.untouched.there + self.noted.there;
        self.found * 10 >= self.known * of_ten && all_there * 10 >= self.records * of_ten && most > 0 && most * 10 >= there * 9
    }

    /// It is the known one where nothing else tells that: one that is made for the next year may begin with some of the records.
    pub(in crate::sync) const fn are_most_there(self) -> bool {
        self.are_there(9)
    }

    /// It is the known one where something else tells that too: what came meanwhile is not in a copy.
    pub(in crate::sync) const fn is_half_there(self) -> bool {
        self.are_there(5)
    }

    /// Every record, with all that stood in it.
    const fn is_all_there(self) -> bool {
        let Alike { there, all, .. } = self.telling();
        self.are_there(10) && all == there
    }
}

/// The key's columns that have a name now which another column had, where something shows that the records go by them: our triggers do in a table
/// that was only altered, and in one that was made anew its records.
pub(in crate::sync) fn key_renames(session: &Session, old: &Shape, found: &Shape) -> Result<Vec<(FieldNo, String)>> {
    let key: Vec<(FieldNo, String)> = old.key.iter().zip(&found.key).map(|(was, is)| (*was, found.name_of(*is).to_owned())).collect();
    let was_other = |(of, name): &(FieldNo, String)| old.live_fields().any(|field| field != *of && same_name(old.name_of(field), name));
    if old.key.len() != found.key.len() || !key.iter().any(was_other) {
        return Ok(Vec::new());
    }
    let is_it = if is_captured(session, old, found)? {
        let now = session.database()?.captured_key(&as_armed(session, old)?)?;
        now.is_some_and(|now| now.iter().zip(&key).all(|(now, (_, name))| same_name(now, name)))
    } else {
        session.rules.schema_travels() && likeness_under(session, old, found, &key)?.are_most_there()
    };
    let is_renamed = |(was, name): &(FieldNo, String)| old.name_of(*was) != name;
    Ok(if is_it { key.into_iter().filter(is_renamed).collect() } else { Vec::new() })
}

/// Compares what has the key of a known table, whatever else was changed about it.
pub(in crate::sync) fn likeness(session: &Session, old: &Shape, found: &Shape) -> Result<Likeness> {
    likeness_under(session, old, found, &[])
}

fn likeness_under(session: &Session, old: &Shape, found: &Shape, names: &[(FieldNo, String)]) -> Result<Likeness> {
    let (database, ledger) = (session.database()?, &session.ledger);
    let candidate = merged(old, found, names, &BTreeSet::new());
    let mut likeness = Likeness { known: ledger.count(old.number)?, found: database.count(found)?, ..Likeness::default() };
    if candidate.key != old.key || candidate.key_kind != old.key_kind {
        return Ok(likeness);
    }
    let noted = noted(session, database, &as_armed(session, old)?)?;
    let fields: Vec<FieldNo> = old.live_fields().filter(|field| candidate.is_live(*field) && !old.is_key(*field)).collect();
    // The same text is the same record, while numbers are handed out in every table.
    let by_key = u64::from(old.key_kind == KeyKind::Natural);
    for key in ledger.places(old, None, SAMPLE)? {
        likeness.records += 1;
        let mut bytes = Vec::new();
        match database.read(&candidate, &key, &mut bytes) {
            Err(crate::database::DatabaseError::ShapeMoved { .. }) => return Ok(Likeness::default()),
            Ok(false) => continue,
            read => drop(read?),
        }
        let mirror = ledger.peek(old, &key, |mirror| mirror.map(Row::decode))?;
        let (Some(Ok(mirror)), Ok(row)) = (mirror, Row::decode(&bytes)) else { continue };
        let stood = || fields.iter().filter(|field| *mirror.get(**field) != Value::Null);
        let (all, mut same) = (stood().count() as u64, 0);
        stood().for_each(|field| same += u64::from(mirror.get(*field).converts_to(row.get(*field))));
        let alike = if noted.contains(&key) { &mut likeness.noted } else { &mut likeness.untouched };
        alike.there += 1;
        alike.most += u64::from((same + by_key) * 2 > all + by_key);
        alike.all += u64::from(same == all);
    }
    Ok(likeness)
}

/// Whether a table that is new is one that is missing, under another name.
pub(in crate::sync) fn is_same_table(session: &Session, old: &Shape, found: &Shape) -> Result<bool> {
    // Triggers go with a table that is renamed, whatever else is changed about it.
    if let Some(now) = captured(session, old)?.filter(|now| *now != old.name) {
        return Ok(same_name(&now, &found.name));
    }
    let names = |shape: &Shape| shape.live_fields().map(|field| shape.name_of(field).to_owned()).collect::<Vec<_>>();
    let keys = |shape: &Shape| shape.key.iter().map(|field| shape.name_of(*field).to_owned()).collect::<Vec<_>>();
    if keys(old) != keys(found) || old.key_kind != found.key_kind {
        return Ok(false);
    }
    let same = names(old) == names(found) && holds_the_same(session, old, &merged(old, found, &[], &BTreeSet::new()))?;
    Ok(same || is_alike(old, found) && likeness(session, old, found)?.is_all_there())
}

/// Whether the records of a table are those that the mirror has of it.
pub(in crate::sync) fn holds_the_same(session: &Session, old: &Shape, candidate: &Shape) -> Result<bool> {
    let mut evidence = Evidence::default();
    let looked = compare_sample(session, old, candidate, &mut |mirror, row, noted| {
        let same = candidate.live_fields().all(|field| !old.is_live(field) || mirror.get(field) == row.get(field));
        evidence.add(same, true, noted);
    })?;
    Ok(looked && evidence.is_enough())
}

/// Columns under whose names hardly any record holds what it held: each may be another one under that name. Records that were noted
/// tell it where there are no others; so each is said with whether records that nobody touched do.
pub(in crate::sync) fn held_otherwise(session: &Session, old: &Shape, found: &Shape) -> Result<Vec<(String, bool)>> {
    let candidate = merged(old, found, &[], &BTreeSet::new());
    let stayed: Vec<FieldNo> = old.live_fields().filter(|field| !old.is_key(*field) && candidate.is_live(*field)).collect();
    let mut taken: BTreeMap<(FieldNo, bool), Taken> = BTreeMap::new();
    let looked = compare_sample(session, old, &candidate, &mut |mirror, row, noted| {
        for field in &stayed {
            let (was, is) = (mirror.get(*field), row.get(*field));
            let taken = taken.entry((*field, noted)).or_default();
            taken.records += u64::from(*was != Value::Null || *is != Value::Null);
            taken.same += u64::from(*is != Value::Null && was.converts_to(is));
        }
    })?;
    let tells = |field: FieldNo, noted: bool| taken.get(&(field, noted)).filter(|taken| taken.records > 0).map(|taken| (taken, !noted));
    let other = |field: FieldNo| {
        let (taken, untouched) = tells(field, false).or_else(|| tells(field, true))?;
        (looked && taken.same * 10 <= taken.records).then(|| (candidate.name_of(field).to_owned(), untouched))
    };
    Ok(stayed.iter().copied().filter_map(other).collect())
}

/// Whether a table that was made anew has hardly any record of the one that had its name: it may be another one.
pub(in crate::sync) fn holds_others(session: &Session, old: &Shape, found: &Shape) -> Result<bool> {
    let candidate = merged(old, found, &[], &BTreeSet::new());
    if captured(session, old)?.is_some() {
        return Ok(false);
    }
    let stayed: Vec<FieldNo> = old.live_fields().filter(|field| !old.is_key(*field) && candidate.is_live(*field)).collect();
    let mut known = 0_u64;
    compare_sample(session, old, &candidate, &mut |mirror, row, _| {
        let is_same = |field: &FieldNo| *row.get(*field) != Value::Null && mirror.get(*field).converts_to(row.get(*field));
        known += u64::from(stayed.iter().any(is_same));
    })?;
    let database = session.database()?;
    database.begin_read()?;
    let all = database.scan(found, None, SAMPLE, &mut |_, _| {});
    database.end_read()?;
    let all = all? as u64;
    Ok(all > 0 && known * 10 <= all)
}

/// What records say of a name that was there before.
#[derive(Clone, Copy, Debug, Default)]
struct Name {
    /// Those that nobody touched.
    untouched: Held,
    /// Those that were noted: the migration itself may have written to all of them.
    noted: Held,
}

/// Records by what they hold in a field.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// What they held, and not only what a column is filled with.
    kept: u64,
    /// What a column is filled with, and they held something else.
    emptied: u64,
    /// Something else.
    other: u64,
}

impl Name {
    fn add(&mut self, same: bool, filled: bool, noted: bool) {
        let held = if noted { &mut self.noted } else { &mut self.untouched };
        held.kept += u64::from(same && !filled);
        held.emptied += u64::from(!same && filled);
        held.other += u64::from(!same && !filled);
    }

    /// Where only noted records tell, what the name meant must also be found under another one.
    const fn is_another(&self) -> bool {
        let Held { kept, emptied, other } = self.untouched;
        let written = self.noted.kept == 0 && self.noted.emptied > self.noted.other;
        kept == 0 && (emptied + other > 0 || written)
    }

    const fn differs(&self) -> bool {
        self.untouched.emptied + self.untouched.other > 0
    }

    /// Every record that tells was noted, and some hold something else.
    const fn is_written(&self) -> bool {
        let Held { kept, emptied, other } = self.untouched;
        kept + emptied + other == 0 && self.noted.emptied + self.noted.other > 0
    }

    /// Every record that tells was noted, and hardly any holds what it held.
    const fn is_rewritten(&self) -> bool {
        let Held { kept, emptied, other } = self.untouched;
        let Held { kept: same, emptied: filled, other: otherwise } = self.noted;
        kept + emptied + other == 0 && filled + otherwise > same * 9
    }

    /// Every record was noted, and holds what a column is filled with.
    const fn is_emptied(&self) -> bool {
        self.is_rewritten() && self.noted.kept == 0 && self.noted.other == 0
    }

    const fn is_filled(&self) -> bool {
        self.untouched.kept == 0 && self.untouched.other == 0 && self.untouched.emptied > 0
    }
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

    const fn is_certain(&self) -> bool {
        self.other == 0 && self.telling > 0
    }

    /// Only noted records tell, and nearly all tell the same: some may have been edited besides.
    const fn is_nearly_all_noted(&self) -> bool {
        self.other == 0 && self.noted_telling > self.noted_other * 9
    }

    const fn is_enough(&self) -> bool {
        self.is_certain() || self.other == 0 && self.noted_telling > 0 && self.noted_telling >= self.noted_other
    }
}

/// Shows mirror and record of up to [`SAMPLE`] records, read by a shape that may be the right one, and whether the record was noted since
/// the mirror was made. False where the database cannot be read by it.
fn compare_sample(session: &Session, old: &Shape, candidate: &Shape, each: &mut dyn FnMut(&Row, &Row, bool)) -> Result<bool> {
    let (database, ledger) = (session.database()?, &session.ledger);
    let noted = noted(session, database, &as_armed(session, old)?)?;
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
pub(in crate::sync) fn noted(session: &Session, database: &Database, shape: &Shape) -> Result<BTreeSet<Key>> {
    if !database.has_log(shape)? {
        return Ok(BTreeSet::new());
    }
    let notes = database.notes(shape, session.ledger.sealed(shape.number)?, NOTED)?;
    Ok(notes.into_iter().filter_map(|note| note.key.ok()).collect())
}
