//! The application is played by a plain connection that knows nothing of us.

mod applying;
mod lacking;
mod named_keys;
mod random;
mod refusing;
mod samples;
mod schemas;
mod traps;

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::*;
use crate::model::{FieldNo, Key, PairId, Row, Shape, Value};
use crate::rules::Rules;
use crate::world::{Faults, SystemClock, World};

const WAIT: Duration = Duration::from_millis(20);
const PAIR: PairId = PairId([7; 16]);

struct Shop {
    folder: tempfile::TempDir,
    app: Connection,
    ours: Database,
    world: World,
    survey: Survey,
}

/// A database of the application, armed.
fn shop(sql: &str) -> Shop {
    ruled_shop(&Rules::default(), sql)
}

fn ruled_shop(rules: &Rules, sql: &str) -> Shop {
    let mut shop = plain_shop(sql);
    shop.survey = shop.ours.survey(rules).unwrap();
    shop.ours.arm(&shop.world, &shop.survey.shapes, &PAIR).unwrap();
    assert_eq!(shop.ours.disarmed(&shop.survey.shapes).unwrap(), []);
    shop
}

fn plain_shop(sql: &str) -> Shop {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let app = application(&path);
    app.execute_batch(sql).unwrap();
    let ours = Database::open(&path, WAIT).unwrap();
    let survey = ours.survey(&Rules::default()).unwrap();
    Shop { folder, app, ours, world: World::simulated(Box::new(SystemClock), 1, Faults::none()), survey }
}

fn application(path: &Path) -> Connection {
    let app = Connection::open(path).unwrap();
    app.execute_batch("PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF").unwrap();
    app
}

impl Shop {
    fn shape(&self, table: &str) -> &Shape {
        self.survey.shapes.iter().find(|shape| shape.name == table).unwrap()
    }

    /// The application runs SQL; the notes of one table since before, as `kind key`, in no order.
    fn noted(&self, table: &str, sql: &str) -> BTreeSet<String> {
        let before = self.ours.last_note(self.shape(table)).unwrap();
        self.app.execute_batch(sql).unwrap();
        self.notes_after(table, before)
    }

    fn notes_after(&self, table: &str, before: i64) -> BTreeSet<String> {
        let notes = self.ours.notes(self.shape(table), before, 1000).unwrap();
        let say = |note: &Note| match &note.key {
            Ok(key) => format!("{:?} {key}", note.kind),
            Err(error) => format!("{:?} {error}", note.kind),
        };
        notes.iter().map(say).collect()
    }

    fn row(&self, table: &str, key: &Key) -> Option<Row> {
        let mut bytes = Vec::new();
        self.ours.read(self.shape(table), key, &mut bytes).unwrap().then(|| Row::decode(&bytes).unwrap())
    }

    /// One cell of the first row of a query by the application.
    fn asked<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        self.app.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn said(notes: &[&str]) -> BTreeSet<String> {
    notes.iter().map(|note| (*note).to_owned()).collect()
}

fn key(values: &[Value]) -> Key {
    Key::new(values).unwrap()
}

fn number(number: i64) -> Key {
    key(&[Value::Integer(number)])
}

fn text(text: &str) -> Key {
    key(&[Value::text(text)])
}

fn schema_of(app: &Connection) -> Vec<(String, String, String, i64, Option<String>)> {
    let mut statement = app.prepare("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema ORDER BY rowid").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
    rows.unwrap().map(std::result::Result::unwrap).collect()
}
