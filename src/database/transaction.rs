//! When writes become durable: begin, commit, roll back.

use super::error::{Doing, Result};
use super::{Database, DatabaseError};
use crate::world::World;

/// A moment of the database as one connection sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Moves with every commit of another connection.
    others: i64,
    /// Rows that this one wrote, whatever came of them.
    ours: u64,
}

impl Database {
    /// Begins a write: takes the one write lock now, so that nothing inside can fail for want of it.
    /// Notices a schema that the application changed, and forgets what was prepared for the old one.
    ///
    /// # Errors
    /// [`DatabaseError::Busy`] where another program kept the lock for too long.
    pub fn begin_write(&self) -> Result<()> {
        self.execute("begin a write", "BEGIN IMMEDIATE")?;
        self.notice_schema().inspect_err(|_| self.abandon())
    }

    /// Begins a read: every call until [`Database::end_read`] sees the same state.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn begin_read(&self) -> Result<()> {
        self.execute("begin a read", "BEGIN")?;
        self.notice_schema().inspect_err(|_| self.abandon())
    }

    /// Makes everything since [`Database::begin_write`] durable: the commit point.
    ///
    /// # Errors
    /// [`DatabaseError::Busy`] where a reader is in the way (databases without WAL); the transaction stays open then
    /// and the commit can be repeated or rolled back.
    pub fn commit(&self, world: &World) -> Result<()> {
        self.commit_at(world).map(drop)
    }

    /// As [`Database::commit`]. Gives the moment that it makes: whatever was written since another one was written later.
    ///
    /// # Errors
    /// As for [`Database::commit`].
    pub fn commit_at(&self, world: &World) -> Result<Moment> {
        self.put_triggers_back()?;
        let moment = self.moment()?;
        world.step("commit application database")?;
        self.execute("commit", "COMMIT")?;
        Ok(moment)
    }

    /// What was written so far, by anybody: as long as it is the same, no record and no note is another one than before. Says nothing of the
    /// schema that this connection changed itself.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn moment(&self) -> Result<Moment> {
        let read =
            self.connection.prepare_cached("PRAGMA data_version").and_then(|mut statement| statement.query_row([], |row| row.get(0)));
        Ok(Moment { others: read.doing("look whether anything was written")?, ours: self.connection.total_changes() })
    }

    /// Takes back everything since [`Database::begin_write`]; nothing where no transaction is open.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn rollback(&self) -> Result<()> {
        if self.in_transaction() {
            self.execute("roll back", "ROLLBACK")?;
        }
        self.reread_triggers()
    }

    /// Begins an attempt inside the open write: [`Database::keep_attempt`] or [`Database::undo_attempt`] ends it.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn begin_attempt(&self) -> Result<()> {
        // Undoing it must not make triggers run again that are to be still until the end.
        self.still()?;
        self.execute("begin an attempt", "SAVEPOINT _fieldpost_attempt")
    }

    /// Keeps what was written since [`Database::begin_attempt`].
    ///
    /// # Errors
    /// As SQLite says.
    pub fn keep_attempt(&self) -> Result<()> {
        self.execute("keep an attempt", "RELEASE _fieldpost_attempt")
    }

    /// Takes back what was written since [`Database::begin_attempt`].
    ///
    /// # Errors
    /// As SQLite says.
    pub fn undo_attempt(&self) -> Result<()> {
        self.execute("undo an attempt", "ROLLBACK TO _fieldpost_attempt; RELEASE _fieldpost_attempt")
    }

    /// Ends what [`Database::begin_read`] began.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn end_read(&self) -> Result<()> {
        self.rollback()
    }

    /// Whether a transaction is open.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Runs `work` in the open transaction, or in a write of its own that is committed.
    pub(super) fn writing<T>(&self, world: &World, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.in_transaction() {
            return work();
        }
        self.begin_write()?;
        let done = work().and_then(|done| self.commit(world).map(|()| done));
        done.inspect_err(|error| {
            // A crash cleans nothing up: the dead process could not either.
            if !matches!(error, DatabaseError::Crash(_)) {
                self.abandon();
            }
        })
    }

    /// Rolls back on the way out with another error, which is the one worth telling.
    fn abandon(&self) {
        if self.in_transaction() {
            drop(self.rollback());
        }
    }

    /// Forgets plans that were made for another schema, and what we could do with its tables.
    pub(super) fn notice_schema(&self) -> Result<()> {
        let version = self.read_schema_version()?;
        if self.schema_version.replace(version) != version {
            self.plans.borrow_mut().clear();
            self.abilities.borrow_mut().clear();
            self.quiet.replace(None);
        }
        Ok(())
    }
}
