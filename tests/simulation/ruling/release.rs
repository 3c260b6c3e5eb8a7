//! What happens once nothing stays home any more? Everything that waited travels, and the sites end the same.

use std::path::Path;

use fieldpost::model::{Key, Value as Field};
use fieldpost::sync::{Session, SyncError, mend};
use rusqlite::types::Value;

use super::super::Simulation;
use super::super::application::{Doing, TABLES, Table};
use super::super::history::Dice;
use super::super::sites::Stopped;
use super::{Ruling, is_ready, ready_sql};

/// What a merge at a parent brings up goes down by another release, level by level.
const MOST_RELEASES: usize = 8;

impl Simulation {
    /// Lets go of everything, again and again, and asks the referee as one who accepts no more that anything waits.
    pub fn release(&mut self) {
        let Some(ruling) = self.sites.setting.ruling.clone().filter(|ruling| ruling.keeps_home()) else { return };
        self.say("-- all that stayed home may go".into());
        let mut wrong = Vec::new();
        for _ in 0..MOST_RELEASES {
            for site in 0..self.sites.setting.tree.sites.len() {
                let released = self.make_ready(site, &ruling).and_then(|()| self.send_by_hand(site));
                if let Err(stopped) = released {
                    return self.fail(format!("FAILED {stopped:?}"));
                }
            }
            self.settle();
            if !self.outcome.wrong.is_empty() {
                return;
            }
            match self.evidence(true) {
                Ok(found) if found.is_empty() => return,
                Ok(found) => wrong = found,
                Err(stopped) => return self.fail(format!("FAILED {stopped:?}")),
            }
        }
        wrong.into_iter().for_each(|wrong| self.fail(format!("{wrong} (released)")));
    }

    fn make_ready(&mut self, site: usize, ruling: &Ruling) -> Result<(), Stopped> {
        self.sites.start_application(site).map_err(Stopped::Failed)?;
        self.sites.tick(7);
        let Some(application) = &mut self.sites.applications[site] else { return Ok(()) };
        let said = application.transact(&mut self.deeds, |doing| doing.make_ready(ruling));
        self.say(format!("{} edits: {said}", self.sites.name(site)));
        Ok(())
    }

    /// A person sends all records that are sent by hand.
    pub fn send_by_hand(&mut self, site: usize) -> Result<(), Stopped> {
        let path = self.sites.home(site).join("shop.db");
        let Some(ruling) = self.sites.setting.ruling.clone().filter(|_| path.is_file()) else { return Ok(()) };
        self.deeds.sent_by_hand.insert(site);
        let session = self.sites.session(site, None)?;
        for table in TABLES.iter().filter(|table| ruling.table(table.name).manual) {
            send(session, &path, table).map_err(|error| Stopped::Failed(error.to_string()))?;
        }
        Ok(())
    }
}

/// Sends all records of a table.
fn send(session: &Session, path: &Path, table: &Table) -> Result<(), SyncError> {
    let Some(shape) = session.shapes.iter().find(|shape| shape.name == table.name) else { return Ok(()) };
    let connection = rusqlite::Connection::open(path).expect("the database is there");
    let mut statement = connection.prepare(&format!("SELECT id FROM {}", table.name)).expect("the table is there");
    let read = statement.query_map([], |row| row.get::<_, Value>(0)).expect("the table can be read");
    let keys = read.map(|key| match key.expect("a key can be read") {
        Value::Integer(number) => Key::new([&Field::Integer(number)]),
        Value::Text(text) => Key::new([&Field::text(&text)]),
        other @ (Value::Null | Value::Real(_) | Value::Blob(_)) => unreachable!("{other:?} is no key"),
    });
    let keys: Vec<Key> = keys.collect::<Result<_, _>>().expect("keys are not empty");
    mend::release(session, shape.number, &keys).map(drop)
}

impl Doing<'_> {
    /// Edits every record that is not ready, or lacks what is required.
    pub fn make_ready(&mut self, ruling: &Ruling) -> rusqlite::Result<()> {
        let mut dice = Dice::new(1);
        for table in &TABLES {
            let drawn = ruling.table(table.name);
            if let Some(column) = drawn.ready {
                for key in self.keys_where(table, &format!("NOT ({})", ready_sql(column)))? {
                    let mut value = self.fresh("name", &mut dice);
                    while !matches!(&value, Value::Text(text) if is_ready(text)) {
                        value = self.fresh("name", &mut dice);
                    }
                    self.update(table, &key, column, value)?;
                }
            }
            if let Some(column) = drawn.required {
                let target = self.connection.query_row("SELECT min(id) FROM customers", [], |row| row.get::<_, Value>(0))?;
                for key in self.keys_where(table, &format!("{column} IS NULL"))? {
                    self.update(table, &key, column, target.clone())?;
                }
            }
        }
        Ok(())
    }

    fn keys_where(&self, table: &Table, condition: &str) -> rusqlite::Result<Vec<Value>> {
        let mut statement = self.connection.prepare(&format!("SELECT id FROM {} WHERE {condition} ORDER BY id", table.name))?;
        statement.query_map([], |row| row.get(0))?.collect()
    }
}
