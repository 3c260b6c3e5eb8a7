//! What of a number that rows hold and no record has? Applications that enforce no foreign keys write such rows.
//!
//! It is nobody's and stays a number, here and in packets. Once a record gets it, the database has the rows refer to that
//! record, so they mean it from then on: that is an edit of them, said as one, because the neighbours were told a number that
//! was nobody's and may have it for another record by then. A row that has such a number in its key is another record then.
//!
//! A provisional number of a zone is no other record's, ever. So what a program writes with one that it still has in memory, after the record got
//! its final number, is led to that record ([`Session::lead_the_remembered`]), as if the program had known.
//!
//! The ledger keeps which rows hold a number that is nobody's, so that nothing is searched when a record begins.
//! **Invariant**: a row of the mirror that holds a number which no record has or had is noted.

use super::meaning::{id_of_number, meaning_but};
use super::renumber::ZONE;
use super::taken::Taken;
use crate::database::Written;
use crate::ledger::{EntryKind, Ledger, NeighbourKind, Opinion, Record};
use crate::model::{Change, FieldNo, Identity, Image, Millis, Row, Shape, Side, SiteNo, TableNo, Value};
use crate::site::Role;
use crate::sync::apply::Applying;
use crate::sync::known;
use crate::sync::seal::Sealing;
use crate::sync::{Result, Session};

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
                    before.into_iter().for_each(|before| was.row.set(numbers.field, before));
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

    fn remembered(&self) -> Result<Vec<Remembered>> {
        let mut all = Vec::new();
        if self.settings.role == Role::Host {
            return Ok(all);
        }
        for shape in self.shapes.iter().filter(|shape| shape.identity() == Identity::Birth) {
            for number in self.ledger.nobodys_from(shape.number, ZONE)? {
                // At a site that two records were shown under one number, before each level had a zone, nobody can say which is meant.
                let mut had = self.ledger.formerly(shape.number, number)?;
                had.dedup();
                let [id] = had[..] else { continue };
                let now = self.ledger.names(id)?.and_then(|(_, _, place)| place).and_then(|place| place.as_integer());
                if let Some(now) = now
                    && self.database()?.is_autoincrement(shape)?
                {
                    all.push(Remembered { table: shape.number, number, now });
                }
            }
        }
        Ok(all)
    }

    fn lead(&self, remembered: &[Remembered]) -> Result<Led> {
        let (database, mut led) = (self.database()?, Led::default());
        database.silence_application_triggers(&self.shapes, &self.rules)?;
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
