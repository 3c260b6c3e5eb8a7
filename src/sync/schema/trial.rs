//! Would the schema that a packet brings be had, were the packet's records here already? A host that mends its records and forbids the like in
//! one go tells the new schema first and the mended records behind it.
//!
//! Tried in one transaction that is always undone; nothing of it is journalled. A record with an edit that is under way keeps that, as
//! it would. **Invariant**: a packet is applied before its schema only where that schema can be had afterwards: half applied, it would
//! keep this site from telling anything.

use super::SentSchema;
use super::take::{brought, note_refusal, refuses};
use crate::database::Capture;
use crate::database::conform::Refused;
use crate::ledger::Neighbour;
use crate::model::Change;
use crate::packet::Opened;
use crate::sync::apply::Changes;
use crate::sync::known::Link;
use crate::sync::{Result, Session, SyncError};

impl Session {
    /// Why the schema that the packet brings cannot be had even once its changes are applied, as far as they have a place.
    ///
    /// # Errors
    /// As database and ledger say.
    pub(in crate::sync) fn refusal_after_changes(&mut self, from: &Neighbour, opened: &Opened) -> Result<Option<Refused>> {
        let Some(sent) = brought(self, opened)? else { return Ok(None) };
        self.refusal_after(from, opened, &sent)
    }

    /// Why another schema than the packet's cannot be had even once the packet's changes are applied, as far as they have a place.
    ///
    /// # Errors
    /// As database and ledger say.
    pub(super) fn refusal_after(&mut self, from: &Neighbour, opened: &Opened, sent: &SentSchema) -> Result<Option<Refused>> {
        let database = self.database()?;
        database.begin_write()?;
        let tried = self.ledger.begin().map_err(SyncError::from).and_then(|()| {
            self.database()?.silence_application_triggers(&self.shapes, &self.rules, Capture::MayRest)?;
            let mut changes = Changes::new(opened);
            while let Some(next) = changes.next(self)? {
                next.here.map_or(Ok(()), |change| self.write_for_trial(change, Link::from(from)))?;
            }
            refuses(self, sent)
        });
        if !tried.as_ref().is_err_and(SyncError::is_crash) {
            self.database()?.rollback()?;
            self.ledger.rollback()?;
            // It may have got stand-ins for what only the application has.
            self.open_database()?;
        }
        let refused = tried?;
        if let Some(refused) = &refused {
            note_refusal(self, sent, refused)?;
        }
        Ok(refused)
    }

    fn write_for_trial(&self, change: Change, link: Link) -> Result<()> {
        let (database, change) = (self.database()?, self.inward(change, link)?);
        let (shape, record) = (self.shape(change.table), self.load(change.table, &change.key)?);
        let pending = self.ledger.pending(&record)?;
        if pending.whole || !pending.fields.is_empty() {
            return Ok(());
        }
        // What is refused stays as it is; whether that is in the way shows in the end.
        match (&record.current, &change.after) {
            (None, None) => {}
            (Some(_), None) => drop(database.delete(shape, record.at())?),
            (None, Some(after)) => drop(database.insert(shape, &self.numbered(shape, &after.row)?)?),
            (Some(_), Some(after)) => {
                drop(database.update(shape, record.at(), &change.fields, &self.numbered(shape, &after.row)?)?);
            }
        }
        Ok(())
    }
}
