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

impl Ledger {
    pub(super) fn upgrade_from_2(&self, world: &World) -> Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        // Somebody else may have been faster.
        if version(&self.connection)? == 2 {
            self.connection.execute_batch(TO_3)?;
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
    use crate::ledger::{Card, NeighbourKind, Record};
    use crate::model::{Key, PacketNumber, SiteName, StreamId, TableNo, Value};

    /// What `schema.sql` has that format 2 had not, taken back.
    const BACK_TO_2: &str = "
        CREATE TABLE old (site INTEGER NOT NULL, sequence INTEGER NOT NULL, to_site INTEGER NOT NULL, to_sequence INTEGER NOT NULL,
            PRIMARY KEY (site, sequence)) WITHOUT ROWID;
        INSERT INTO old SELECT site, sequence, to_site, to_sequence FROM alias;
        DROP TABLE alias;
        ALTER TABLE old RENAME TO alias;
        DROP TABLE nobodys;
        DROP INDEX conflict_taken;
        PRAGMA user_version = 2;";

    #[test]
    fn a_file_of_format_2_keeps_its_aliases_and_knows_what_it_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let (world, name) = (World::real(), SiteName::new("head").unwrap());
        let ledger = Ledger::open(&world, &path, &name).unwrap();
        let card = Card {
            name: SiteName::new("anna").unwrap(),
            role: "remote".into(),
            signing: String::new(),
            sealing: String::new(),
            groups: Vec::new(),
        };
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
}
