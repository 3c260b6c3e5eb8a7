//! What of a number that rows hold and no record has? Applications that enforce no foreign keys write such rows.
//!
//! It is nobody's and stays a number, here and in packets. Once a record gets it, the database has the rows refer to that
//! record, so they mean it from then on: that is an edit of them, said as one, because the neighbours were told a number that
//! was nobody's and may have it for another record by then. A row that has such a number in its key is another record then.
//!
//! A provisional number of a zone is no other record's, ever. So what a program writes with one that it still has in memory, after the record got
//! its final number, is led to that record ([`Session::lead_the_remembered`]), as if the program had known. A row that it writes under such a number
//! is the record that had it, edited, where at least half of it is the same ([`Session::lead_the_saved`]): that is so before anything of it is
//! sealed. Else it is a new record, and somebody is told.
//!
//! The ledger keeps which rows hold a number that is nobody's, so that nothing is searched when a record begins.
//! **Invariant**: a row of the mirror that holds a number which no record has or had is noted.

use super::meaning::{id_of_number, meaning_but, number_key, replace_numbers};
use super::renumber::{ZONE, untracked_references};
use super::taken::{Former, Taken};
use crate::database::{Capture, Written};
use crate::ledger::{EntryKind, Ledger, NeighbourKind, Opinion, Record};
use crate::model::{Change, FieldNo, Identity, Image, Key, Millis, Row, Shape, Side, SiteNo, TableNo, Value};
use crate::site::Role;
use crate::sync::apply::Applying;
use crate::sync::known;
use crate::sync::seal::Sealing;
use crate::sync::tracking::news;
use crate::sync::{Result, Session, SyncError};

/// Notes which numbers in these fields of a record are nobody's. `row` is as the database has it.
pub(in crate::sync) fn note_nobodys(ledger: &Ledger, shape: &Shape, record: i64, row: &Row, fields: &[FieldNo]) -> Result<()> {
    for numbers in shape.numbers.iter().filter(|numbers| fields.contains(&numbers.field)) {
        for (table, number) in numbers.numbers(row) {
            if id_of_number(ledger, table, number)?.is_none() {
                ledger.add_nobodys(table, number, record)?;
            }
        }
    }
    Ok(())
}

/// As [`note_nobodys`], of every number in a record.
pub(in crate::sync) fn note_all_nobodys(ledger: &Ledger, shape: &Shape, record: i64, row: &Row) -> Result<()> {
    let all: Vec<FieldNo> = shape.numbers.iter().map(|numbers| numbers.field).collect();
    note_nobodys(ledger, shape, record, row, &all)
}

/// Forgets the notes of numbers that are somebody's: where records are taken in one after the other, many come after what refers to them.
pub(in crate::sync) fn forget_who_came(ledger: &Ledger) -> Result<()> {
    for (table, number) in ledger.nobodys()? {
        if id_of_number(ledger, table, number)?.is_some() {
            ledger.drop_nobodys(table, number)?;
        }
    }
    Ok(())
}

impl Sealing<'_> {
    /// A record of `table` has this number from now on: whoever held it before means that record.
    pub(in crate::sync) fn adopt(&mut self, table: TableNo, number: i64, time: Millis) -> Result<()> {
        let session = self.session;
        let holders = session.ledger.holders_of_nobodys(table, number)?;
        if holders.is_empty() {
            return Ok(());
        }
        session.ledger.drop_nobodys(table, number)?;
        for id in holders {
            let mut record = session.ledger.load_id(id)?;
            let shape = session.shape(record.table);
            let Some(mut was) = record.current.clone() else { continue };
            let holding = shape.numbers.iter().filter(|numbers| numbers.numbers(&was.row).contains(&(table, number)));
            let mut fields: Vec<FieldNo> = holding.map(|numbers| numbers.field).collect();
            if fields.is_empty() {
                continue;
            }
            meaning_but(&session.ledger, shape, &mut was.row, (table, number))?;
            if fields.iter().any(|field| shape.is_key(*field)) {
                let (table, place) = (record.table, record.at().clone());
                self.end_as(record, was, None)?;
                self.taken.push(Taken { table, place, time });
            } else {
                shape.close(&mut fields);
                let mut old = Image { born: was.born, ..Image::default() };
                fields.iter().for_each(|field| old.take(*field, &was));
                let stamp = fields.iter().filter_map(|field| was.stamp(*field)).max();
                self.append(&mut record, &EntryKind::Update(old, fields), stamp)?;
                session.ledger.store_mirror(&mut record, None)?;
            }
        }
        Ok(())
    }
}

impl Applying<'_> {
    /// As [`note_all_nobodys`], of a row that came from a neighbour.
    pub(in crate::sync) fn note_nobodys_of_others(&self, shape: &Shape, record: i64, row: &Row) -> Result<()> {
        let session = self.session;
        note_all_nobodys(&session.ledger, shape, record, row)?;
        for (table, number) in shape.numbers.iter().flat_map(|numbers| numbers.numbers(row)).filter(|(_, number)| *number >= ZONE) {
            if session.id_of_number(table, number)?.is_none() {
                session.keep_unused(session.shape(table), number)?;
            }
        }
        Ok(())
    }

    /// A record is about to end of which a child has another number than we have: what dangles on it then is told there again, with ours.
    pub(in crate::sync) fn tell_its_last_number(&self, record: &Record) -> Result<()> {
        let session = self.session;
        let own = session.shape(record.table).number_field();
        let (Some(own), Some(number)) = (own, record.at().as_integer()) else { return Ok(()) };
        if !session.shapes.iter().any(|shape| shape.numbers.iter().any(|numbers| numbers.leads_to(record.table))) {
            return Ok(());
        }
        for child in self.links.iter().filter(|link| link.kind == NeighbourKind::Child) {
            let Opinion::Known(Some(there)) = known::opinion(&session.ledger, record, *child)? else { continue };
            let theirs = match there.row.get(own) {
                Value::Integer(theirs) => Some(*theirs),
                // It made the record, and was told no number yet.
                Value::Absent | Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_) => {
                    record.extra.made_as.get(&child.site).map(|made_as| made_as.number)
                }
            };
            if let Some(theirs) = theirs.filter(|theirs| *theirs != number) {
                self.tell_where_it_dangles(record.table, theirs, number)?;
            }
        }
        Ok(())
    }

    /// A row of a child was taken that dangles there on other numbers than here: it is told again, with ours.
    pub(in crate::sync) fn tell_what_it_dangles_on(&self, said: Vec<(FieldNo, TableNo, i64, i64)>) -> Result<()> {
        for (_, table, id, said) in said {
            let is_gone = self.session.ledger.names(id)?.is_some_and(|(_, _, place)| place.is_none());
            if let (true, Some(last)) = (is_gone, self.session.ledger.last_number(id)?.filter(|last| *last != said)) {
                self.tell_where_it_dangles(table, said, last)?;
            }
        }
        Ok(())
    }

    /// Of a record that is no more the children are told no number: they hear it by the rows that dangle on it.
    pub(super) fn tell_where_it_dangles(&self, table: TableNo, from: i64, to: i64) -> Result<()> {
        let session = self.session;
        let ledger = &session.ledger;
        for shape in &session.shapes {
            for numbers in shape.numbers.iter().filter(|numbers| numbers.leads_to(table) && !shape.is_key(numbers.field)) {
                for place in session.database()?.referring_to(shape, numbers, table, to)? {
                    let mut record = ledger.load_at(shape, &place)?;
                    let Some(mut was) = record.current.clone() else { continue };
                    let before = numbers.replaced(&was.row, &mut |of, is| if (of, is) == (table, to) { from } else { is });
                    let Some(before) = before.filter(|before| before != was.row.get(numbers.field)) else { continue };
                    was.row.set(numbers.field, before);
                    meaning_but(ledger, shape, &mut was.row, (table, from))?;
                    let mut fields = vec![numbers.field];
                    shape.close(&mut fields);
                    let mut old = Image { born: was.born, ..Image::default() };
                    fields.iter().for_each(|field| old.take(*field, &was));
                    ledger.append(&mut record, &EntryKind::Update(old, fields), self.parent(), self.cause, None)?;
                    ledger.store_mirror(&mut record, None)?;
                }
            }
        }
        Ok(())
    }
}

/// A number that a record had for a while, and the one that it has now.
struct Remembered {
    table: TableNo,
    number: i64,
    now: i64,
}

/// Records looked at in one go.
const STRETCH: usize = 2_000;

/// Which record had a number that none has now.
enum Had {
    Nobody,
    /// The one that has this number now.
    One(i64),
    /// One that is no more, and went by this other number last.
    Ended(i64),
    Several,
}

/// What came of leading rows to the records that had their numbers.
#[derive(Debug, Default)]
pub(in crate::sync) struct Led {
    /// There were any; they are noted like any edit.
    pub any: bool,
    /// Rows that the database does not let refer to that, and why, a sentence each.
    pub refused: Vec<(String, String)>,
}

impl Session {
    /// Whom a row of a neighbour refers to, as it is to be: by field and table, with the number that the record has there.
    pub(in crate::sync) fn records_meant(&self, change: &Change) -> Result<Vec<(FieldNo, TableNo, i64, i64)>> {
        let mut all = Vec::new();
        let shape = self.shapes.iter().find(|shape| shape.number == change.table);
        let (Some(shape), Some(after)) = (shape, &change.after) else { return Ok(all) };
        for meant in change.meant.iter().filter(|meant| meant.side == Side::New) {
            let numbers = shape.numbers.iter().find(|numbers| numbers.field == meant.field);
            let said = numbers.and_then(|numbers| numbers.numbers(&after.row).get(usize::from(meant.at)).copied());
            if let Some((table, said)) = said {
                all.push((meant.field, table, self.id_of_born(table, meant.born)?, said));
            }
        }
        Ok(all)
    }

    /// Leads rows that somebody wrote here with a provisional number which its record gave up to the record, under the number that it has. What came
    /// from a neighbour means what it means there.
    pub(in crate::sync) fn lead_the_remembered(&self) -> Result<Led> {
        let remembered = self.remembered()?;
        if remembered.is_empty() {
            return Ok(Led::default());
        }
        let database = self.database()?;
        database.begin_write()?;
        let led = self.lead(&remembered).and_then(|led| {
            database.commit(&self.world)?;
            Ok(led)
        });
        if led.is_err() {
            database.rollback()?;
        }
        led
    }

    /// Leads what a program saved under a number that its record gave up to the record itself: the values go there, and the row under the old number
    /// goes. What refers to that number is nobody's then, and led as such.
    pub(in crate::sync) fn lead_the_saved(&self) -> Result<()> {
        let mut saved = Vec::new();
        for shape in self.shapes.iter().filter(|shape| shape.identity() == Identity::Birth && self.settings.role != Role::Host) {
            let last = self.ledger.highest_former(shape.number, i64::MAX)?.filter(|last| *last >= ZONE);
            if let Some(last) = last
                && !self.database()?.notes(shape, self.ledger.sealed(shape.number)?, 1)?.is_empty()
            {
                for number in self.numbers_of_zones(shape, last)? {
                    match self.who_had(shape, number)? {
                        Had::Nobody => {}
                        had @ (Had::One(_) | Had::Ended(_) | Had::Several) => saved.push((shape, number, had)),
                    }
                }
            }
        }
        if saved.is_empty() {
            return Ok(());
        }
        // Nothing is written into a copy that was put in its place.
        self.check_age()?;
        let database = self.database()?;
        database.begin_write()?;
        let led =
            database.silence_application_triggers(&self.shapes, &self.rules, Capture::Notes).map_err(SyncError::from).and_then(|()| {
                let mut told = Vec::new();
                for (shape, number, had) in saved {
                    let why = self.lead_saved(shape, number, &had)?;
                    told.extend(why.map(|why| (format!("{} {number}", shape.name), why)));
                }
                database.commit(&self.world)?;
                Ok(told)
            });
        if led.is_err() {
            database.rollback()?;
        }
        let told = led?;
        self.ledger.begin()?;
        let noted = told.into_iter().try_for_each(|(what, why)| news::want(self, what, why));
        if noted.is_err() {
            self.ledger.rollback()?;
            return noted;
        }
        Ok(self.ledger.commit(&self.world, "commit what was saved as new")?)
    }

    /// The numbers of zones up to `last` that rows of the database have.
    fn numbers_of_zones(&self, shape: &Shape, last: i64) -> Result<Vec<i64>> {
        let (mut numbers, mut after) = (Vec::new(), Some(number_key(ZONE - 1)));
        while let Some(from) = after.take() {
            self.database()?.scan(shape, Some(&from), STRETCH, &mut |key, _| {
                numbers.extend(key.as_integer().filter(|number| *number <= last));
                after = Some(key).filter(|key| key.as_integer().is_some_and(|number| number < last));
            })?;
        }
        Ok(numbers)
    }

    /// Leads one of them; says why where it stays a new record.
    fn lead_saved(&self, shape: &Shape, number: i64, had: &Had) -> Result<Option<String>> {
        let (name, place) = (&shape.name, number_key(number));
        let now = match had {
            Had::Nobody => return Ok(None),
            Had::One(now) => *now,
            Had::Ended(last) => {
                return Ok(Some(format!(
                    "it was saved under a number that {name} {last} had, which was deleted, and is a new record now: delete it too, if that is meant"
                )));
            }
            Had::Several => return Ok(Some("it was saved under a number that several records had, and is a new record now".into())),
        };
        let Some(mut row) = self.row_of(shape, &place)? else { return Ok(None) };
        replace_numbers(shape, &mut row, &mut |table, is| match self.who_had(self.shape(table), is)? {
            Had::One(now) => Ok(now),
            Had::Nobody | Had::Ended(_) | Had::Several => Ok(is),
        })?;
        let database = self.database()?;
        let former = match self.row_of(shape, &number_key(now))? {
            Some(there) => Some(Former::Lives(there)),
            // `REPLACE` put the former row out of the way.
            None if self.is_never_handed_out_again(shape, now)? => {
                let sealed = self.ledger.peek(shape, &number_key(now), |row| row.map(Row::decode))?;
                sealed.transpose().map_err(|_| SyncError::Bug("a row of the mirror does not decode"))?.map(Former::Ended)
            }
            None => None,
        };
        let there = match former {
            Some(former) if self.is_edited(shape, &former, &row)? => match former {
                Former::Lives(there) => Some(there),
                Former::Ended(_) => None,
            },
            Some(Former::Lives(_)) => {
                return Ok(Some(format!(
                    "it was saved under a number that {name} {now} had, and hardly anything in both is the same: it is a new record now; if {name} {now} \
                     is meant, edit that and delete this one"
                )));
            }
            Some(Former::Ended(_)) | None => {
                return Ok(Some(format!(
                    "it was saved under a number that {name} {now} had, which was deleted, and not most of what is in both is the same: it is a new record \
                     now; delete it too, if that is meant"
                )));
            }
        };
        // What stays at this site goes along; where the program said nothing of it the former row has it.
        let mut aside = database.aside(shape, &place)?;
        aside.retain(|(_, value)| there.is_none() || *value != Value::Null);
        database.begin_attempt()?;
        let mut written = database.delete(shape, &place)?;
        if matches!(written, Written::Done) {
            written = match &there {
                Some(former) => {
                    let differs = |field: &FieldNo| !shape.is_key(*field) && row.get(*field) != former.get(*field);
                    let fields: Vec<FieldNo> = shape.live_fields().filter(differs).collect();
                    match self.lead_by_value(shape, &number_key(now), &fields, &row)? {
                        Some(refusal) => Written::Refused(refusal),
                        None => database.update(shape, &number_key(now), &fields, &row)?,
                    }
                }
                None => {
                    shape.number_field().into_iter().for_each(|own| row.set(own, Value::Integer(now)));
                    database.insert(shape, &row)?
                }
            };
        }
        let refused = match written {
            Written::Done => match database.put_aside(shape, &number_key(now), &aside)? {
                Ok(()) => self.lead_what_stays(shape, number, now)?,
                Err(message) => Some(message),
            },
            Written::Missing => return Ok(database.undo_attempt().map(|()| None)?),
            Written::Refused(why) => Some(why.to_string()),
        };
        let Some(why) = refused else { return Ok(database.keep_attempt().map(|()| None)?) };
        database.undo_attempt()?;
        Ok(Some(format!("it was saved under a number that {name} {now} had, which cannot take it ({why}): it is a new record now")))
    }

    /// What does not travel and refers to a number refers to another one. Says why not, where the database refuses that.
    fn lead_what_stays(&self, shape: &Shape, number: i64, now: i64) -> Result<Option<String>> {
        for (table, column) in untracked_references(self, shape.number)? {
            if let Err(message) = self.database()?.refer_to(&table, &column, number, now)? {
                return Ok(Some(format!("`{table}` refers to it: {message}")));
            }
        }
        Ok(None)
    }

    /// What the database has under a key.
    fn row_of(&self, shape: &Shape, place: &Key) -> Result<Option<Row>> {
        let mut bytes = Vec::new();
        if !self.database()?.read(shape, place, &mut bytes)? {
            return Ok(None);
        }
        Row::decode(&bytes).map(Some).map_err(|_| SyncError::Bug("a row that was just read does not decode"))
    }

    fn remembered(&self) -> Result<Vec<Remembered>> {
        let mut all = Vec::new();
        if self.settings.role == Role::Host {
            return Ok(all);
        }
        for shape in self.shapes.iter().filter(|shape| shape.identity() == Identity::Birth) {
            for number in self.ledger.nobodys_from(shape.number, ZONE)? {
                if let Had::One(now) = self.who_had(shape, number)? {
                    all.push(Remembered { table: shape.number, number, now });
                }
            }
        }
        Ok(all)
    }

    /// Which record gave up a number of a zone that none has now.
    fn who_had(&self, shape: &Shape, number: i64) -> Result<Had> {
        let zoned = number >= ZONE && shape.identity() == Identity::Birth && self.database()?.is_autoincrement(shape)?;
        if !zoned || self.ledger.id_at(shape.number, &number_key(number))?.is_some() {
            return Ok(Had::Nobody);
        }
        let mut had = self.ledger.formerly(shape.number, number)?;
        had.dedup();
        let [id] = had[..] else {
            // At a site that two records were shown under one number, before each level had a zone, nobody can say which is meant.
            return Ok(if had.is_empty() { Had::Nobody } else { Had::Several });
        };
        let now = self.ledger.names(id)?.and_then(|(_, _, place)| place).and_then(|place| place.as_integer());
        Ok(match (now, self.ledger.last_number(id)?) {
            (Some(now), _) => Had::One(now),
            (None, Some(last)) if last != number => Had::Ended(last),
            // It ended under this very number, and somebody enters it again.
            (None, Some(_) | None) => Had::Nobody,
        })
    }

    fn lead(&self, remembered: &[Remembered]) -> Result<Led> {
        let (database, mut led) = (self.database()?, Led::default());
        database.silence_application_triggers(&self.shapes, &self.rules, Capture::Notes)?;
        for Remembered { table, number, now } in remembered {
            let with = &mut |of: TableNo, is: i64| if (of, is) == (*table, *number) { *now } else { is };
            for id in self.ledger.holders_of_nobodys(*table, *number)? {
                let record = self.ledger.load_id(id)?;
                let (shape, Some(image)) = (self.shape(record.table), &record.current) else { continue };
                let ours = |field: FieldNo| image.stamp(field).is_some_and(|stamp| stamp.site == SiteNo(0));
                let mut new = image.row.clone();
                let mut fields = Vec::new();
                for numbers in shape.numbers.iter().filter(|numbers| ours(numbers.field)) {
                    if numbers.numbers(&image.row).contains(&(*table, *number))
                        && let Some(value) = numbers.replaced(&image.row, with)
                    {
                        new.set(numbers.field, value);
                        fields.push(numbers.field);
                    }
                }
                if fields.is_empty() {
                    continue;
                }
                match database.update_from(shape, record.at(), &fields, &image.row, &new)? {
                    Written::Done => led.any = true,
                    Written::Missing => {}
                    Written::Refused(why) => {
                        let name = &self.shape(*table).name;
                        let what = format!("{} {}", shape.name, record.at());
                        led.refused.push((
                            what,
                            format!(
                                "it refers to {name} {number}, which is {now} now, and cannot refer to that ({why}): edit or delete it"
                            ),
                        ));
                    }
                }
            }
        }
        Ok(led)
    }
}
