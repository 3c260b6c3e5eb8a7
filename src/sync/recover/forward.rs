//! What becomes of each record of a restored database?
//!
//! | in the backup | since it was put back | the mirror has it | becomes |
//! |---|---|---|---|
//! | as it was then, or as it was before something that the state sealed since | | | what the mirror has |
//! | another value in a field | noted, or never held since | yes | the mirror's, with that field, and what belongs to it, as an edit |
//! | the same, and nobody can tell when that was typed ([`super::typed`]) | | yes | the mirror's, and the record is named |
//! | the same | | no | as it is, as an edit |
//! | a field that adds up is another | noted | yes | the mirror's, and the record is named: how much was added nobody can say |
//! | not there | deleted; where it may have been before, it comes back and is named | yes | stays deleted |
//! | it was made since by others | made under its key and deleted again | yes | what the mirror has |
//! | not there | | yes | what the mirror has |
//! | the state never heard of it | | no | stays, as an edit; what was made before the backup, and was gone again or is forgotten, is left out and named |
//! | the same, under a number that another record has by now | | | gets the next number, with what was written since and refers to it or is known by it |
//! | it ended since under a number that another record has by now | it, or what refers to it, was edited | no | likewise |
//! | it is to go, and what is there refers to it | | | stays, or comes back, and is named |
//!
//! What is back under a handed-out number is the record that ended, and what was typed in it an edit of that: it may be back elsewhere too.
//! What wins over what others did since the backup is named too. Where the database refuses a record nothing is done at all: what is not as the mirror
//! has it would go out as a delete, or as an old value.
//!
//! A row belongs to the record that had its number when the backup was made ([`Then`]), and becomes that record's under the number which that has
//! now; what it refers to likewise, in what does not travel too, and where it refers by a value ([`super::referring`]). Nobody types into the list of documents: there the mirror is right, and the next look at the folder finds the rest.
//!
//! **Invariant**: what one record held never becomes another one's.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::Brought;
use super::referring::Gone;
use super::then::{Base, Then, Whose};
use super::typed::Typed;
use crate::database::{Aside, Database, Written};
use crate::ledger::Record;
use crate::model::{FieldNo, Identity, Key, LIBRARY, Row, Shape, TableNo, Value, stand_in};
use crate::sync::numbers::meaning::{key_row, number_key, replace_numbers};
use crate::sync::numbers::renumber::untracked_references;
use crate::sync::{Result, Session, SyncError};

/// Why a record differs of which nothing was noted since the database was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Because<'r> {
    /// It is older; or somebody edited it where a clock is behind.
    Older,
    /// Its table became otherwise, with these fields of which nobody wrote what is in them.
    Reshaped(&'r BTreeSet<FieldNo>),
    /// It may be another table's, or a value another column's.
    Ambiguous,
}

/// A number of the backup that another record has by now.
#[derive(Clone, Copy, Debug)]
struct Moved {
    /// The next one, which its row gets.
    to: i64,
    /// Whether the record was made since the database was put back; else it ended since.
    new: bool,
}

/// A record with a handed-out number that ended since the backup and is back: by its row of the ledger, with its number.
pub(super) type Back = (i64, i64);

/// Brings every table forward, in the open write; gives those in which anything differed, and what is back.
pub(super) fn bring<'r>(then: &Then<'_>, because: &dyn Fn(&Shape) -> Because<'r>) -> Result<(Vec<Brought>, Vec<Back>)> {
    let mut forward = Forward { then, because, moved: BTreeMap::new(), led: BTreeMap::new() };
    let shapes = &then.session.shapes;
    shapes.iter().try_for_each(|shape| forward.move_the_new(shape))?;
    forward.move_the_ended()?;
    shapes.iter().try_for_each(|shape| forward.lead_what_stays(shape))?;
    let meant = forward.lead_by_value()?;
    let led_nowhere = forward.dangling()?;
    let (mut tables, mut gone, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for shape in shapes {
        tables.push(forward.bring_table(shape, &mut gone, &mut back)?);
    }
    forward.bring_back_what_is_needed(&mut tables, gone, &mut back, &led_nowhere)?;
    forward.name_the_misled(&mut tables, meant)?;
    shapes.iter().try_for_each(|shape| forward.go_on_with_numbers(shape))?;
    tables.retain(|brought| *brought != Brought { table: brought.table.clone(), ..Brought::default() });
    Ok((tables, back))
}

pub(super) struct Forward<'f, 's, 'r> {
    pub then: &'f Then<'s>,
    pub because: &'f dyn Fn(&Shape) -> Because<'r>,
    moved: BTreeMap<(TableNo, i64), Moved>,
    /// Values that the fields of a row of the backup get, by its key there, because what they refer to has those now.
    pub led: BTreeMap<(TableNo, Key), Vec<(FieldNo, Value)>>,
}

/// What there is about one record, or about a row that is nobody's yet.
pub(super) struct Item {
    pub record: Record,
    /// Its key in the backup; none where it was not there.
    pub was: Option<Key>,
    /// Its key now; none where it has none.
    pub place: Option<Key>,
    /// As the backup has it.
    pub there: Option<Row>,
}

/// What differs in a table.
pub(super) struct Found {
    /// What the database has under the keys that are looked at.
    raw: BTreeMap<Key, Option<Row>>,
    pub items: Vec<Item>,
}

impl Forward<'_, '_, '_> {
    pub(super) fn session(&self) -> &Session {
        self.then.session
    }

    pub(super) fn database(&self) -> &Database {
        self.then.database
    }

    pub(super) fn read(&self, shape: &Shape, key: &Key) -> Result<Option<Row>> {
        let mut buffer = Vec::new();
        if !self.database().read(shape, key, &mut buffer)? {
            return Ok(None);
        }
        Row::decode(&buffer).map(Some).map_err(damaged)
    }

    fn move_to_next(&mut self, shape: &Shape, number: i64, new: bool) -> Result<()> {
        let last = self.moved.range((shape.number, i64::MIN)..=(shape.number, i64::MAX)).map(|(_, moved)| moved.to).max();
        let to = match last {
            Some(last) => last + 1,
            None => self.session().next_number(shape)?,
        };
        self.moved.insert((shape.number, number), Moved { to, new });
        Ok(())
    }

    /// Finds the rows that were made since the database was put back, under numbers that others have by now.
    fn move_the_new(&mut self, shape: &Shape) -> Result<()> {
        if shape.identity() != Identity::Birth || shape.number_field().is_none() {
            return Ok(());
        }
        let then = self.then;
        let noted = then.noted(shape.number);
        let mut numbers: BTreeSet<i64> = noted.made.iter().filter_map(Key::as_integer).collect();
        numbers.extend(then.passed_on(shape.number));
        for number in numbers {
            let key = number_key(number);
            let now = self.session().load_at(shape, &key)?;
            let Some(row) = self.read(shape, &key)? else { continue };
            let is_made = noted.made.contains(&key);
            let is_new = match then.whose(shape.number, number) {
                // What was sealed since, and then was gone, stays so unless it is needed.
                Whose::Nobodys => now.current.is_some() && (noted.edited.contains(&key) || !noted.before.contains_key(&key)),
                Whose::Of(id) => is_made && self.is_another(shape, &key, &row, &self.session().load_id(id)?)?,
                Whose::Same if now.current.is_none() || !is_made => false,
                Whose::Same => {
                    let meant = self.meant(shape, &row)?;
                    !then.states(&now)?.contains(&meant) && self.is_another(shape, &key, &row, &now)?
                }
            };
            if is_new {
                self.move_to_next(shape, number, true)?;
            }
        }
        Ok(())
    }

    /// Whether what was made under a key since the database was put back is another record than the one that has, or had, its number.
    fn is_another(&self, shape: &Shape, key: &Key, row: &Row, record: &Record) -> Result<bool> {
        let noted = self.then.noted(shape.number);
        match self.then.base(record)? {
            Base::Was(None) if !noted.before.contains_key(key) => Ok(true),
            // Put in its place, it is an edit of it.
            Base::Was(_) if !noted.ended.contains(key) => Ok(false),
            Base::Was(_) | Base::Unknown => Ok(!self.is_like(shape, row, record)?),
        }
    }

    /// A program may write a record by deleting it and making it again: then it holds most of what it held.
    fn is_like(&self, shape: &Shape, row: &Row, record: &Record) -> Result<bool> {
        let meant = self.meant(shape, row)?;
        let states = self.then.states(record)?;
        let filled =
            || shape.live_fields().filter(|field| !shape.is_key(*field) && !matches!(meant.get(*field), Value::Null | Value::Absent));
        let known = filled().filter(|field| states.iter().any(|state| state.get(*field) == meant.get(*field))).count();
        Ok(known * 2 > filled().count())
    }

    /// Finds the rows of records that ended since and that come back, because somebody edited them or refers to them, where others have their
    /// numbers.
    fn move_the_ended(&mut self) -> Result<()> {
        let then = self.then;
        let mut ended = BTreeSet::new();
        for shape in &self.session().shapes {
            for number in then.passed_on(shape.number) {
                let now = self.session().ledger.id_at(shape.number, &number_key(number))?;
                let is_no_more = match then.whose(shape.number, number) {
                    Whose::Of(id) => now.is_some_and(|now| now != id) && self.has_ended(id)?,
                    Whose::Nobodys => now.is_some(),
                    Whose::Same => false,
                };
                if is_no_more && self.read(shape, &number_key(number))?.is_some() {
                    ended.insert((shape.number, number));
                }
            }
        }
        ended.retain(|place| !self.moved.contains_key(place));
        while !ended.is_empty() {
            let mut back = BTreeSet::new();
            for shape in &self.session().shapes {
                for item in self.find(shape)?.items {
                    let target = self.target(shape, &item)?;
                    let own = item.number().map(|number| (shape.number, number));
                    back.extend(own.filter(|own| target.kept && target.row.is_some() && ended.contains(own)));
                    let Some(there) = &item.there else { continue };
                    let referring = shape.numbers.iter().filter(|numbers| target.new.contains(&numbers.field));
                    back.extend(referring.flat_map(|numbers| numbers.numbers(there)).filter(|place| ended.contains(place)));
                }
            }
            if back.is_empty() {
                break;
            }
            for (table, number) in back {
                ended.remove(&(table, number));
                self.move_to_next(then.session.shape(table), number, false)?;
            }
        }
        Ok(())
    }

    /// Whether a record is no more, and is not in another one either.
    fn has_ended(&self, id: i64) -> Result<bool> {
        let Some((_, key, place)) = self.session().ledger.names(id)? else { return Ok(true) };
        let root = key.birth().map(|born| Ok::<_, SyncError>(self.session().ledger.root(born)? != born)).transpose()?;
        Ok(place.is_none() && root != Some(true))
    }

    /// What does not travel and refers to records by number goes by the numbers that they have now.
    fn lead_what_stays(&self, shape: &Shape) -> Result<()> {
        if shape.identity() != Identity::Birth || shape.number_field().is_none() {
            return Ok(());
        }
        let mut leads = BTreeMap::new();
        let given = self.moved.range((shape.number, i64::MIN)..=(shape.number, i64::MAX)).map(|((_, number), _)| *number);
        for number in given.chain(self.then.passed_on(shape.number)) {
            leads.insert(number, self.number_now(shape.number, number)?);
        }
        leads.retain(|from, to| from != to);
        let steps: Vec<(i64, i64)> = if leads.values().any(|to| leads.contains_key(to)) {
            // Two may change places: all go to numbers that nobody has first.
            let aside = (0..).map(stand_in);
            leads.keys().copied().zip(aside.clone()).chain(aside.zip(leads.values().copied())).collect()
        } else {
            leads.into_iter().collect()
        };
        for (table, column) in if steps.is_empty() { Vec::new() } else { untracked_references(self.session(), shape.number)? } {
            for (from, to) in &steps {
                if let Err(message) = self.database().refer_to(&table, &column, *from, *to)? {
                    let key = format!("{from}, to which `{table}` refers,");
                    return Err(SyncError::CannotRenumber { table: shape.name.clone(), key, message });
                }
            }
        }
        Ok(())
    }

    /// The number that the record has, or gets, which a number meant in the backup.
    fn number_now(&self, table: TableNo, number: i64) -> Result<i64> {
        match (self.moved.get(&(table, number)), self.then.whose(table, number)) {
            (Some(moved), _) => Ok(moved.to),
            (None, Whose::Of(id)) => Ok(self.session().number_of_id(id)?.unwrap_or(number)),
            (None, Whose::Same | Whose::Nobodys) => Ok(number),
        }
    }

    /// What differs in a table, by record.
    pub(super) fn find(&self, shape: &Shape) -> Result<Found> {
        let mut raw = self.then.differing(shape)?;
        for key in self.then.passed_on(shape.number).map(number_key) {
            if let Entry::Vacant(entry) = raw.entry(key) {
                let row = self.read(shape, entry.key())?;
                entry.insert(row);
            }
        }
        self.find_otherwise_meant(shape, &mut raw)?;
        let (mut items, mut seen) = (Vec::new(), BTreeSet::new());
        for (key, row) in &raw {
            let Some(row) = row else { continue };
            let moved = key.as_integer().and_then(|number| self.moved.get(&(shape.number, number)));
            let record =
                if self.is_of_new(shape, key)? { Record::unmet(shape.number, key) } else { self.then.record_of(shape, key, row)? };
            let has = if record.current.is_some() { self.session().place(&record)? } else { None };
            let place = match (moved, has) {
                (Some(moved), _) => Some(number_key(moved.to)),
                (None, Some(place)) => Some(place),
                (None, None) if shape.identity() == Identity::Meaning => shape.key_of(&self.now(shape, row)?).ok(),
                (None, None) => Some(key.clone()),
            };
            seen.extend(record.id);
            items.push(Item { record, was: Some(key.clone()), place, there: Some(row.clone()) });
        }
        for key in raw.keys() {
            let record = self.session().load_at(shape, key)?;
            if record.id.is_none_or(|id| !seen.insert(id)) {
                continue;
            }
            // The record that had its number was deleted then; where nobody can tell, it is left alone.
            let noted = self.then.noted(shape.number);
            let is_known = |was: &Key| match self.then.base(&record)? {
                Base::Was(Some(_)) => Ok(true),
                // It had not been sealed.
                Base::Was(None) => Ok(noted.made_before.contains(was) && self.then.was_made_here(&record)?),
                Base::Unknown => Ok::<_, SyncError>(false),
            };
            let was = self.then.place_of(shape, &record)?;
            let is_deleted =
                was.as_ref().is_some_and(|was| noted.ended.contains(was)) && was.as_ref().map(is_known).transpose()? == Some(true);
            let replaced = was.as_ref().map(|was| self.is_of_new(shape, was)).transpose()? == Some(true);
            let was = was.filter(|_| !replaced || is_deleted);
            let there = match &was {
                Some(was) if was != key && !replaced => self.read(shape, was)?,
                Some(_) | None => None,
            };
            items.push(Item { record, was, place: Some(key.clone()), there });
        }
        Ok(Found { raw, items })
    }

    /// Rows that were written and hold numbers or values which mean others by now: they may look like what the mirror has and be something else.
    fn find_otherwise_meant(&self, shape: &Shape, raw: &mut BTreeMap<Key, Option<Row>>) -> Result<()> {
        let noted = self.then.noted(shape.number);
        let refers = !shape.numbers.is_empty() || !shape.references.is_empty();
        for key in noted.edited.iter().chain(noted.before.keys()).filter(|_| refers) {
            if raw.contains_key(key) {
                continue;
            }
            let Some(row) = self.read(shape, key)? else { continue };
            let means_another =
                |(table, number): (TableNo, i64)| self.is_new(table, number) || self.then.whose(table, number) != Whose::Same;
            if shape.numbers.iter().flat_map(|numbers| numbers.numbers(&row)).any(means_another)
                || self.led.contains_key(&(shape.number, key.clone()))
                || self.means_another_by_value(shape, &row)?
            {
                raw.insert(key.clone(), Some(row));
            }
        }
        Ok(())
    }

    /// Whether a record was made since the database was put back under a number that another one has by now.
    fn is_new(&self, table: TableNo, number: i64) -> bool {
        self.moved.get(&(table, number)).is_some_and(|moved| moved.new)
    }

    /// Whether a key is that of such a record, or of what is known by one.
    fn is_of_new(&self, shape: &Shape, key: &Key) -> Result<bool> {
        match shape.identity() {
            Identity::Key => Ok(false),
            Identity::Birth => Ok(key.as_integer().is_some_and(|number| self.is_new(shape.number, number))),
            Identity::Meaning => {
                let (mut row, mut is_new) = (key_row(shape, key)?, false);
                replace_numbers(shape, &mut row, &mut |table, number| {
                    is_new |= self.is_new(table, number);
                    Ok(number)
                })?;
                Ok(is_new)
            }
        }
    }

    /// Where everything is remembered that the record held since, no note need tell what is new.
    pub(super) fn is_told(&self, shape: &Shape, item: &Item) -> Result<bool> {
        let noted = self.then.noted(shape.number);
        let before = item.was.as_ref().is_some_and(|was| noted.before.contains_key(was));
        Ok((self.because)(shape) == Because::Older && !(before && noted.is_sure) && self.then.remembers(&item.record)?)
    }

    /// A row of the backup with stand-ins.
    pub(super) fn meant(&self, shape: &Shape, row: &Row) -> Result<Row> {
        let mut row = row.clone();
        self.then.mean(shape, &mut row, &|table, number| self.is_new(table, number))?;
        Ok(row)
    }

    /// A row of the backup with the numbers that everybody has now.
    pub(super) fn now(&self, shape: &Shape, row: &Row) -> Result<Row> {
        let mut row = row.clone();
        replace_numbers(shape, &mut row, &mut |table, number| self.number_now(table, number))?;
        Ok(row)
    }

    /// The same, with the values too by which it refers to others.
    fn led_now(&self, shape: &Shape, was: Option<&Key>, row: &Row) -> Result<Row> {
        let mut row = self.now(shape, row)?;
        let led = was.and_then(|was| self.led.get(&(shape.number, was.clone())));
        led.into_iter().flatten().for_each(|(field, value)| row.set(*field, value.clone()));
        Ok(row)
    }
}

impl Item {
    /// The number of its row in the backup.
    fn number(&self) -> Option<i64> {
        self.there.as_ref().and(self.was.as_ref()).and_then(Key::as_integer)
    }
}

/// What a row holds but for its number.
fn told(shape: &Shape, row: &Row) -> String {
    let fields = shape.live_fields().filter(|field| shape.number_field() != Some(*field));
    fields.map(|field| format!("{:?}\n", row.get(field))).collect()
}

fn damaged<E>(_: E) -> SyncError {
    SyncError::Bug("a row that was just read does not decode")
}

pub(super) struct Target {
    pub row: Option<Row>,
    /// Something of the backup stays.
    pub kept: bool,
    /// The fields in which it does.
    pub new: Vec<FieldNo>,
    /// Fields that add up, with what they held: something was added since the database was put back, and it is not known how much.
    unsure: String,
    /// What others did to it since the backup and what is not so any more, as a sentence has it after the record.
    over: String,
}

impl Target {
    const fn of(row: Option<Row>) -> Self {
        Self { row, kept: false, new: Vec::new(), unsure: String::new(), over: String::new() }
    }

    fn kept(shape: &Shape, row: Row) -> Self {
        Self { kept: true, new: shape.live_fields().collect(), ..Self::of(Some(row)) }
    }
}

impl Forward<'_, '_, '_> {
    /// What a record is to be: the mirror's, except what was done to it since the database was put back.
    pub(super) fn target(&self, shape: &Shape, item: &Item) -> Result<Target> {
        let (session, then, record) = (self.session(), self.then, &item.record);
        let (noted, because) = (then.noted(shape.number), (self.because)(shape));
        let edited = item.was.as_ref().is_some_and(|was| noted.edited.contains(was));
        let before = item.was.as_ref().and_then(|was| noted.before.get(was));
        let mirror = record.current.as_ref().map(|image| session.numbered(shape, &image.row)).transpose()?;
        if shape.name == LIBRARY {
            return Ok(Target::of(mirror));
        }
        let Some(there) = &item.there else {
            // Deleted since it was put back; or inserted since the backup, and then it comes back.
            // What others made since is not what was made and deleted again under its key.
            let base = then.base(record)?;
            let came_since = base == Base::Was(None) && !(before.is_some() && then.was_made_here(record)?);
            let kept = mirror.is_some() && !came_since && edited;
            // What was made before the backup and gone at the next seal the state never saw.
            let is_unseen = came_since && item.was.as_ref().is_some_and(|was| noted.made_before.contains(was));
            let is_either = edited || item.was.as_ref().is_some_and(|was| noted.either.contains(was));
            // Where a program took our triggers away, nobody noted that it went.
            let is_unwatched = !noted.is_armed
                && item.was.is_some()
                && mirror.is_some()
                && (matches!(base, Base::Was(Some(_))) || then.came_with_table(shape, record)?);
            let is_doubtful = if came_since {
                is_unseen && is_either
            } else {
                is_unwatched || before.is_some() && (is_either || then.never_ended(record)?)
            };
            if !kept && mirror.is_some() && is_doubtful {
                let over = "was deleted, and nobody can tell whether before or after the database was put back: it is back".to_owned();
                return Ok(Target { over, ..Target::of(mirror) });
            }
            let is_newer = kept && matches!(base, Base::Was(Some(base)) if record.current.as_ref().is_some_and(|now| now.row != base.row));
            let over = if is_newer { "is deleted, though it was changed after the backup".to_owned() } else { String::new() };
            return Ok(Target { kept, over, ..Target::of(if kept { None } else { mirror }) });
        };
        let mut now = self.led_now(shape, item.was.as_ref(), there)?;
        if let (Some(own), Some(number)) = (shape.number_field(), item.place.as_ref().and_then(Key::as_integer)) {
            now.set(own, Value::Integer(number));
        }
        if item.number().is_some_and(|number| self.moved.contains_key(&(shape.number, number))) {
            return Ok(Target::kept(shape, now));
        }
        if record.id.is_none() {
            // A handed-out number that a record gave up since the backup, by ending or for another number, comes back by itself only
            // where somebody wrote under it.
            let gave_up = match item.number() {
                Some(number) if shape.number_field().is_some() => !session.ledger.formerly(shape.number, number)?.is_empty(),
                Some(_) | None => false,
            };
            // Where everything is noted, it was there when the backup was made: it ended since, and was forgotten.
            let is_forgotten = !edited && before.is_none() && !gave_up && noted.is_armed && noted.is_sure && because == Because::Older;
            let kept =
                edited || before.is_none() && !gave_up && !is_forgotten && because != Because::Ambiguous && then.was_tracked(shape.number);
            let is_unclear = because == Because::Ambiguous || !gave_up && !then.was_tracked(shape.number);
            let why = match (kept, before) {
                (false, Some(_)) => "it was made before the backup, and was gone again since",
                (false, None) if is_forgotten && !is_unclear => {
                    "nothing is noted of it since the backup was made, and this site knows no such record"
                }
                (false, None) if is_unclear => "this site knows no such record, and nobody can tell when it was typed",
                (true, _) | (false, None) => "",
            };
            let over = if why.is_empty() { String::new() } else { format!("of the restored database is left out: {why}") };
            return Ok(if kept { Target::kept(shape, now) } else { Target { over, ..Target::of(None) } });
        }
        // Where all is noted, or where it was recovering that made it otherwise, a row without a note holds nothing new.
        let is_noted = noted.is_armed || matches!(because, Because::Reshaped(_));
        if !edited && is_noted && !self.is_told(shape, item)? && then.was_tracked(shape.number) {
            return Ok(Target::of(mirror));
        }
        let base = then.base(record)?;
        let Typed { new, sums, doubtful } = self.typed(shape, item, there, &now, mirror.as_ref(), &base)?;
        let doubt = doubtful.iter().map(|field| format!("`{}` was {}", shape.name_of(*field), there.get(*field))).collect::<Vec<_>>();
        let doubt = if doubt.is_empty() {
            String::new()
        } else {
            format!("is as this site knew it: {} in the restored database, and nobody can tell when that was typed", doubt.join(", "))
        };
        let unsure =
            sums.iter().map(|field| format!("`{}` was {}", shape.name_of(*field), there.get(*field))).collect::<Vec<_>>().join(", ");
        if new.is_empty() {
            return Ok(Target { unsure, over: doubt, ..Target::of(mirror) });
        }
        let Some(mut row) = mirror else {
            let over = "is back, though it was deleted after the backup".to_owned();
            return Ok(Target { unsure, over, ..Target::kept(shape, now) });
        };
        let mut over = Vec::new();
        for field in &new {
            let newer = match (&base, &record.current) {
                (Base::Was(Some(base)), Some(current)) => base.row.get(*field) != current.row.get(*field),
                (Base::Was(None), Some(_)) => true,
                (Base::Was(_), None) | (Base::Unknown, _) => false,
            };
            let is_other = now.get(*field) != row.get(*field);
            if newer && is_other {
                over.push(format!("`{}`", shape.name_of(*field)));
            }
            row.set(*field, now.get(*field).clone());
        }
        let ledger = &session.ledger;
        let is_another = match (&base, &record.current) {
            (Base::Was(Some(base)), Some(current)) => ledger.root(base.born)? != ledger.root(current.born)?,
            (Base::Was(_) | Base::Unknown, _) => false,
        };
        let over = match (is_another, over.is_empty()) {
            (true, _) => "was deleted and made anew after the backup, and has what was typed in the one before".to_owned(),
            (false, false) => format!("has what was typed in {} in place of what came after the backup", over.join(", ")),
            (false, true) => String::new(),
        };
        let over = if doubt.is_empty() || over.is_empty() { over + &doubt } else { format!("{over}; it {doubt}") };
        Ok(Target { row: Some(row), kept: true, new, unsure, over })
    }

    /// What the records held that came since the backup, where any was made since it was put back: what is alike may have been entered again, or may
    /// be another one.
    fn came_since(&self, shape: &Shape, items: &[Item]) -> Result<BTreeMap<String, Key>> {
        let mut came = BTreeMap::new();
        if shape.identity() != Identity::Birth || items.iter().all(|item| item.record.id.is_some()) {
            return Ok(came);
        }
        for item in items {
            let (Some(_), Some(place)) = (&item.record.current, &item.place) else { continue };
            if self.then.base(&item.record)? == Base::Was(None) {
                for state in self.then.states(&item.record)? {
                    came.insert(told(shape, &self.session().numbered(shape, &state)?), place.clone());
                }
            }
        }
        Ok(came)
    }

    fn bring_table(&self, shape: &Shape, gone: &mut Vec<Gone>, back: &mut Vec<Back>) -> Result<Brought> {
        let database = self.database();
        let mut brought = Brought { table: shape.name.clone(), ..Brought::default() };
        let Found { mut raw, items } = self.find(shape)?;
        let mut wanted: BTreeMap<Key, (Row, Option<Key>)> = BTreeMap::new();
        let came = self.came_since(shape, &items)?;
        for item in items {
            let target = self.target(shape, &item)?;
            let Some(place) = item.place.clone().or_else(|| item.was.clone()) else { continue };
            let is_moved = item.number().is_some_and(|number| self.moved.contains_key(&(shape.number, number)));
            let ended = item.record.id.filter(|_| item.record.current.is_none() && shape.identity() == Identity::Birth);
            back.extend(ended.zip(place.as_integer()).filter(|_| target.row.is_some()));
            match (&item.there, &target.row, &item.was) {
                (Some(_), Some(_), Some(was)) if is_moved => brought.renumbered.push((was.clone(), place.clone())),
                (Some(there), Some(row), Some(was)) if there == row && *was == place => {}
                (None, Some(_), _) => brought.back += 1,
                (Some(_), None, _) => brought.removed += 1,
                (Some(_), Some(_), _) => brought.forward += 1,
                (None, None, _) => {}
            }
            let as_new = target.row.as_ref().filter(|_| item.record.id.is_none());
            if let Some(other) = as_new.and_then(|row| came.get(&told(shape, row))) {
                let what = format!("is like {other}, which came after the backup: where it is the same, entered twice, delete one of them");
                brought.listed.push((place.clone(), what));
            }
            if target.kept && !is_moved {
                brought.kept.push(place.clone());
            }
            if !target.unsure.is_empty() {
                brought.unsure.push((place.clone(), target.unsure));
            }
            if !target.over.is_empty() {
                brought.listed.push((place.clone(), target.over));
            }
            if target.row.is_none() {
                let mirror = item.record.current.as_ref().map(|image| self.session().numbered(shape, &image.row)).transpose()?;
                let deleted = mirror.is_some();
                let row = mirror.map_or_else(
                    || item.there.as_ref().map(|there| self.led_now(shape, item.was.as_ref(), there)).transpose(),
                    |row| Ok(Some(row)),
                )?;
                gone.extend(row.map(|row| Gone { key: place.clone(), row, table: shape.number, deleted, ended }));
            }
            if let Some(row) = target.row {
                if !raw.contains_key(&place) {
                    raw.insert(place.clone(), self.read(shape, &place)?);
                }
                let (is_free, is_known) = (!wanted.contains_key(&place), item.record.current.is_some());
                if !is_free {
                    brought.refused.push((place.clone(), "two records would get this key".to_owned()));
                }
                if is_free || is_known {
                    wanted.insert(place, (row, item.was));
                }
            }
        }
        // All that differ go first, and what only looks like the record: values that no two records share may have changed places.
        let stays: BTreeSet<Key> = wanted
            .iter()
            .filter(|(key, (row, was))| was.as_ref() == Some(*key) && raw.get(*key).and_then(Option::as_ref) == Some(row))
            .map(|(key, _)| key.clone())
            .collect();
        wanted.retain(|key, _| !stays.contains(key));
        let mut asides: BTreeMap<Key, Aside> = BTreeMap::new();
        for was in wanted.values().filter_map(|(_, was)| was.as_ref()) {
            asides.insert(was.clone(), database.aside(shape, was)?);
        }
        for (key, row) in &raw {
            if row.is_some() && !stays.contains(key) {
                database.delete(shape, key)?;
            }
        }
        for (key, (row, was)) in &wanted {
            if let Written::Refused(refusal) = database.insert(shape, row)? {
                let other = database.agreeing(shape, &refusal.fields, row)?.filter(|other| other != key);
                let has = other.map_or_else(String::new, |other| format!(" (`{other}` has that)"));
                brought.refused.push((key.clone(), format!("{refusal}{has}")));
                continue;
            }
            let aside = was.as_ref().and_then(|was| asides.get(was));
            if let Some(Err(refusal)) = aside.map(|aside| database.put_aside(shape, key, aside)).transpose()? {
                brought.refused.push((key.clone(), refusal));
            }
        }
        Ok(brought)
    }

    /// A number that was given out since the backup is given to nobody else.
    fn go_on_with_numbers(&self, shape: &Shape) -> Result<()> {
        if shape.identity() != Identity::Birth || shape.number_field().is_none() || !self.database().is_autoincrement(shape)? {
            return Ok(());
        }
        Ok(self.database().raise_sequence(shape, self.session().next_number(shape)? - 1)?)
    }
}
