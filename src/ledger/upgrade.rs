//! A state file of the version before becomes one of this version.
//!
//! **States**: the file as it was → as it is now; one commit, so a death in between leaves it as it was, and the next opening does it again.

use rusqlite::Connection;

use super::{FORMAT, Ledger, Result};
use crate::world::World;

/// To format 3: rows that hold nobody's number are noted from now on, and so are conflicts about unique values; aliases say under which record. Packets that were sent are noted for each child, because nothing noted what they told
/// beside the journal.
const TO_3: &str = "
    ALTER TABLE alias ADD COLUMN record INTEGER;
    CREATE TABLE nobodys (table_no INTEGER NOT NULL, number INTEGER NOT NULL, record INTEGER NOT NULL,
        PRIMARY KEY (table_no, number, record)) WITHOUT ROWID;
    CREATE INDEX nobodys_record ON nobodys (record);
    CREATE INDEX conflict_taken ON conflict (decider_number) WHERE state = 'taken';
    CREATE INDEX alias_to ON alias (to_site, to_sequence);
    CREATE INDEX alias_record ON alias (record);
    UPDATE alias SET record = record.id FROM record WHERE born_site = to_site AND born_sequence = to_sequence;
    INSERT INTO meta SELECT 'unnoted:' || site, sent FROM neighbour WHERE kind = 'child';";

/// To format 4: fields that change are kept beside the row from now on. None are yet: what a version before left to be caught up with
/// writes rows that have nothing beside them.
const TO_4: &str = "CREATE TABLE latest (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, fields BLOB NOT NULL);";

/// To format 5: a child can be retired from now on.
const TO_5: &str = "ALTER TABLE neighbour ADD COLUMN retired INTEGER;";

/// To format 6: who made an edit that was here already is noted from now on.
const TO_6: &str = "
    CREATE TABLE same_edit (id INTEGER PRIMARY KEY, record INTEGER NOT NULL, field INTEGER NOT NULL,
        our_site INTEGER NOT NULL, our_place INTEGER NOT NULL, site INTEGER NOT NULL, time INTEGER,
        journal INTEGER NOT NULL, noted INTEGER NOT NULL, UNIQUE (our_site, our_place, record, field, site));";

impl Ledger {
    pub(super) fn upgrade(&self, world: &World) -> Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        // Somebody else may have been faster.
        let version = version(&self.connection)?;
        if version == 2 {
            self.connection.execute_batch(TO_3)?;
        }
        if version < 4 {
            self.connection.execute_batch(TO_4)?;
        }
        if version < 5 {
            self.connection.execute_batch(TO_5)?;
        }
        if version < FORMAT {
            self.connection.execute_batch(TO_6)?;
            world.step("upgrade state file")?;
            self.connection.execute_batch(&format!("PRAGMA user_version = {FORMAT}"))?;
        }
        Ok(self.connection.execute_batch("COMMIT")?)
    }
}

fn version(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::statements::{Parameter, Statement};
    use crate::ledger::{Card, NeighbourKind, OurEdit, Record};
    use crate::model::{FieldNo, Key, Millis, PacketNumber, SiteName, Stamp, StreamId, TableNo, Value};

    /// What `schema.sql` has that format 2 had not, taken back.
    const BACK_TO_2: &str = "
        CREATE TABLE old (site INTEGER NOT NULL, sequence INTEGER NOT NULL, to_site INTEGER NOT NULL, to_sequence INTEGER NOT NULL,
            PRIMARY KEY (site, sequence)) WITHOUT ROWID;
        INSERT INTO old SELECT site, sequence, to_site, to_sequence FROM alias;
        DROP TABLE alias;
        ALTER TABLE old RENAME TO alias;
        DROP TABLE nobodys;
        DROP INDEX conflict_taken;
        DROP TABLE latest;
        ALTER TABLE neighbour DROP COLUMN retired;
        DROP TABLE same_edit;
        PRAGMA user_version = 2;";

    /// The same of format 3.
    const BACK_TO_3: &str = "DROP TABLE latest; ALTER TABLE neighbour DROP COLUMN retired; DROP TABLE same_edit; PRAGMA user_version = 3;";

    /// The same of format 4.
    const BACK_TO_4: &str = "ALTER TABLE neighbour DROP COLUMN retired; DROP TABLE same_edit; PRAGMA user_version = 4;";

    #[test]
    fn in_a_file_of_format_4_nobody_is_retired_yet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let (world, name) = (World::real(), SiteName::new("head").unwrap());
        let ledger = Ledger::open(&world, &path, &name).unwrap();
        let card = Card { name: SiteName::new("anna").unwrap(), role: "remote".into(), signing: String::new(), sealing: String::new() };
        let anna = ledger.add_neighbour(NeighbourKind::Child, &card, StreamId(1), false).unwrap();
        ledger.connection.execute_batch(BACK_TO_4).unwrap();
        drop(ledger);
        let ledger = Ledger::open(&world, &path, &name).unwrap();
        assert_eq!((ledger.neighbours().unwrap().len(), ledger.retired().unwrap().len()), (1, 0));
        ledger.retire(anna, Millis(7)).unwrap();
        assert_eq!((ledger.neighbours().unwrap().len(), ledger.retired().unwrap()[0].retired), (0, Some(Millis(7))));
    }

    #[test]
    fn in_a_file_of_format_5_no_edit_is_known_to_be_made_twice_yet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let (world, name) = (World::real(), SiteName::new("head").unwrap());
        let ledger = Ledger::open(&world, &path, &name).unwrap();
        ledger.connection.execute_batch("DROP TABLE same_edit; PRAGMA user_version = 5").unwrap();
        drop(ledger);
        let ledger = Ledger::open(&world, &path, &name).unwrap();
        let anna = ledger.site_number(&SiteName::new("anna").unwrap()).unwrap();
        let stamp = Stamp { time: Millis(5), site: anna };
        let ours = OurEdit::Field(FieldNo(1), stamp);
        assert_eq!((ledger.same_edits(1, ours).unwrap(), ledger.has_same_edits(stamp).unwrap()), (vec![], false));
        (0..2).for_each(|_| ledger.note_same_edit(1, ours, anna, Some(Millis(7)), Millis(9)).unwrap());
        assert_eq!((ledger.same_edits(1, ours).unwrap(), ledger.has_same_edits(stamp).unwrap()), (vec![(anna, Some(Millis(7)))], true));
        // Young ones stay.
        let forget = |cutoff| ledger.forget_same_edits(ledger.journal_end(), Millis(cutoff), 9).unwrap();
        assert_eq!((forget(8), forget(9)), (0, 1));
    }

    #[test]
    fn a_file_of_format_2_keeps_its_aliases_and_knows_what_it_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let (world, name) = (World::real(), SiteName::new("head").unwrap());
        let ledger = Ledger::open(&world, &path, &name).unwrap();
        let card = Card { name: SiteName::new("anna").unwrap(), role: "remote".into(), signing: String::new(), sealing: String::new() };
        let anna = ledger.add_neighbour(NeighbourKind::Child, &card, StreamId(1), false).unwrap();
        let (absorbed, survivor) = (ledger.give_birth(), ledger.give_birth());
        let mut record = Record::unmet(TableNo(1), &Key::new([&Value::Integer(7)]).unwrap());
        ledger.absorb(&mut record, absorbed, survivor).unwrap();
        record.current = Some(crate::model::Image { born: survivor, ..crate::model::Image::default() });
        ledger.store_mirror(&mut record, None).unwrap();
        ledger.connection.execute("UPDATE neighbour SET sent = 5", []).unwrap();
        ledger.connection.execute_batch(BACK_TO_2).unwrap();
        drop(ledger);
        for _ in 0..2 {
            let ledger = Ledger::open(&world, &path, &name).unwrap();
            assert_eq!(version(&ledger.connection).unwrap(), FORMAT);
            assert!(ledger.same(absorbed, survivor).unwrap());
            assert_eq!(ledger.absorbers(0, 9).unwrap(), [record.id.unwrap()]);
            assert_eq!(ledger.unnoted(anna).unwrap(), PacketNumber(5));
        }
    }

    #[test]
    fn an_upgrade_that_dies_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let name = SiteName::new("head").unwrap();
        Ledger::open(&World::real(), &path, &name).unwrap().connection.execute_batch(BACK_TO_2).unwrap();
        let mortal = World::real();
        mortal.faults().kill_before(Some(1));
        assert!(Ledger::open(&mortal, &path, &name).is_err());
        assert_eq!(version(&Connection::open(&path).unwrap()).unwrap(), 2);
        Ledger::open(&World::real(), &path, &name).unwrap();
    }

    #[test]
    fn a_file_of_format_3_catches_up_with_what_its_version_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let (world, name) = (World::real(), SiteName::new("head").unwrap());
        let ledger = Ledger::open(&world, &path, &name).unwrap();
        let mut record = Record::unmet(TableNo(1), &Key::new([&Value::Integer(7)]).unwrap());
        let row = crate::model::Row(vec![Value::Integer(7), Value::text("before"), Value::text("the rest of the row, so that it is long")]);
        record.current = Some(crate::model::Image { born: ledger.give_birth(), row, stamps: Vec::new() });
        ledger.store_mirror(&mut record, None).unwrap();
        let id = record.id.unwrap();
        ledger.connection.execute_batch(BACK_TO_3).unwrap();
        // What version 0.1 wrote into its commit for an edit of field 1.
        let mut patch = Vec::new();
        crate::model::cells::push_integer(&mut patch, 1);
        crate::model::cells::push_text(&mut patch, b"after");
        ledger.begin().unwrap();
        ledger.record();
        let parameters = [Parameter::Integer(id), Parameter::Integer(4), Parameter::Blob(&patch), Parameter::Null];
        ledger.write(Statement::PatchMirror, &parameters).unwrap();
        let left = ledger.recorded().unwrap();
        ledger.rollback().unwrap();
        drop(ledger);
        let ledger = Ledger::open(&world, &path, &name).unwrap();
        ledger.replay(&world, 1, &left.joined()).unwrap();
        let mut record = ledger.load_id(id).unwrap();
        assert_eq!((record.version.0, record.current.as_ref().unwrap().row.get(FieldNo(1))), (4, &Value::text("after")));
        let mut image = record.current.clone().unwrap();
        image.row.set(FieldNo(1), Value::text("last"));
        record.version = crate::model::JournalNumber(5);
        ledger.store_fields(&record, &image, &[FieldNo(1)]).unwrap();
        record.current = Some(image);
        let again = ledger.load_id(id).unwrap();
        assert_eq!((again.version, &again.current), (record.version, &record.current));
    }
}
