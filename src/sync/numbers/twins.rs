//! What of a record that two sites created, each under a number of its own? Where the rules say what makes records of the table the
//! same one (`identity`), they become one.
//!
//! The parent sees it first: a child's insert whose identity a record here has already is that record, created twice, and
//! everything that differs is listed. The child is told the survivor with the incarnations that it absorbed (`DESIGN`
//! section 4, rule 10) and gives its own record that name, or, where it has both by now, lets one go into the other with every reference.
//! **Invariant**: whoever referred to one of the two refers to the survivor.
//!
//! What one site makes anew, in place of a record that it deletes or gives another identity, is no twin. All of it comes in one build, the
//! insert first. So nothing is decided before the end of its last packet, nor while anything else waits that the site did to the record here.
//! Nor is one that comes back: it was here before, and is what it was.
//!
//! **States at the parent**: not here → held under its own incarnation → one with the record here, or a record of its own.
//!
//! Until the parent has spoken, its record with the same identity waits at the child: nobody's record is pushed out to make room.

use crate::ledger::{ConflictKind, EntryKind, Held, HeldReason, NeighbourKind, Opinion, Record};
use crate::model::{Change, FieldNo, Identity, Image, Key, TableNo};
use crate::sync::apply::{Applying, Incoming};
use crate::sync::{Result, SyncError, known};

/// What a child made and is here already: the record as which it waits, and its change.
pub(in crate::sync) struct Made {
    pub record: Record,
    pub change: Change,
}

impl Applying<'_> {
    /// The record here that is the same as one that is not, by its identity.
    fn same_here(&self, record: &Record, image: &Image) -> Result<Option<Record>> {
        let session = self.session;
        let shape = session.shape(record.table);
        if shape.identity_fields.is_empty() || shape.identity() != Identity::Birth || record.current.is_some() {
            return Ok(None);
        }
        let row = session.numbered(shape, &image.row)?;
        let Some(place) = session.database()?.agreeing(shape, &shape.identity_fields, &row)? else { return Ok(None) };
        let same = session.load_at(shape, &place)?;
        Ok((same.current.is_some() && same.key != record.key).then_some(same))
    }

    /// At the parent: the record that a child's insert is about, where that is here under another incarnation.
    pub(in crate::sync) fn twin_of(&mut self, record: &Record, change: &Change) -> Result<Option<Record>> {
        let (None, Some(after)) = (&change.before, &change.after) else { return Ok(None) };
        // One that comes back was here before it met the other.
        if change.shared.is_some() || self.session.ledger.last_of(record, after.born)?.is_some() {
            return Ok(None);
        }
        match self.same_here(record, after)? {
            Some(same) => Ok(Some(self.load(same.table, &same.key)?)),
            None => Ok(None),
        }
    }

    /// At the parent: whether it is too early to say that a child's record and ours are one.
    pub(in crate::sync) fn twin_waits(&self, incoming: &Incoming, ours: &Record) -> Result<bool> {
        Ok(ours.extra.held.contains_key(&incoming.link.site) || !self.is_taken_whole(incoming.link.site)?)
    }

    /// At the parent: a child's insert waits under its own incarnation.
    pub(in crate::sync) fn hold_twin(
        &mut self,
        record: Record,
        incoming: &Incoming,
        change: Change,
        held: Option<Held>,
        ours: &Record,
        said: Option<&[FieldNo]>,
    ) -> Result<()> {
        let opinion = self.moved_shadow(&record, incoming, &change, said)?;
        let reason = HeldReason::Twin { key: ours.at().to_string() };
        let mut record = record;
        let held = self.hold(incoming, change, reason, held)?;
        record.extra.held.insert(incoming.link.site, held);
        known::set_opinion(&self.session.ledger, &mut record, incoming.link, opinion)?;
        self.store_extra(&mut record)
    }

    /// At the parent: that the two are one cannot be carried out yet.
    pub(in crate::sync) fn keep_apart(&mut self, made: Made, incoming: &Incoming, reason: HeldReason, held: Option<Held>) -> Result<()> {
        let Made { mut record, change } = made;
        let held = self.hold(incoming, change, reason, held)?;
        record.extra.held.insert(incoming.link.site, held);
        self.store_extra(&mut record)
    }

    /// At the parent: it is decided whether the two are one, and so it says. Nothing waits under the incarnation that went into `ours`, and the child
    /// holds nothing under it: that is said of `ours`. One that did not, because the rules refused it, the child holds, and hears that it is not here.
    /// Who came with it in a circle, under the number that was kept for it, refers to `ours`.
    pub(in crate::sync) fn let_go(&mut self, made: Made, incoming: &Incoming, ours: &Record) -> Result<bool> {
        let Made { mut record, change } = made;
        if let (Some(from), Some(to)) = (record.place.as_ref().and_then(Key::as_integer), ours.at().as_integer())
            && self.try_moving(|applying| applying.lead_elsewhere(ours.table, from, to))?.is_ok()
        {
            record.place = None;
            self.session.ledger.store_names(&mut record)?;
        }
        record.extra.held.remove(&incoming.link.site);
        let is_one = match (&change.after, &ours.current) {
            (Some(theirs), Some(ours)) => self.session.ledger.same(theirs.born, ours.born)?,
            (Some(_) | None, _) => false,
        };
        let held_there = if is_one { None } else { change.after };
        known::set_opinion(&self.session.ledger, &mut record, incoming.link, Opinion::Known(held_there))?;
        self.store_extra(&mut record)?;
        Ok(is_one)
    }

    /// At a child: why a record of the parent waits, where one of ours has its identity and the parent has not spoken of that yet.
    pub(in crate::sync) fn waits_for_twin(&self, record: &Record, after: &Image) -> Result<Option<HeldReason>> {
        let Some(same) = self.same_here(record, after)? else { return Ok(None) };
        let link = self.links.iter().find(|link| link.kind == NeighbourKind::Parent);
        let told = match link {
            Some(link) => matches!(known::opinion(&self.session.ledger, &same, *link)?, Opinion::Known(Some(_))),
            None => true,
        };
        let pending = self.session.ledger.pending(&same)?.whole;
        // What the parent knows of and left apart is two records.
        Ok((pending || !told).then(|| HeldReason::Twin { key: same.at().to_string() }))
    }

    /// At a child: the parent says what absorbed what. Ours goes by the survivor's name from now on.
    pub(in crate::sync) fn follow_aliases(&mut self, incoming: &Incoming, change: &Change) -> Result<()> {
        let session = self.session;
        let shape = session.shape(change.table);
        let (Identity::Birth, Some(after)) = (shape.identity(), &change.after) else { return Ok(()) };
        let survivor = Key::of_birth(after.born);
        for absorbed in &change.aliases {
            let own = Key::of_birth(*absorbed);
            if own == survivor {
                continue;
            }
            let mut waiting = session.ledger.load(change.table, &own)?;
            if waiting.current.is_none() {
                // What was held for it is said again for the survivor.
                if waiting.extra.held.remove(&incoming.link.site).is_some() {
                    self.store_extra(&mut waiting)?;
                }
                continue;
            }
            if session.ledger.load(change.table, &survivor)?.current.is_some() {
                self.merge_into(incoming, change.table, &own, &survivor)?;
            } else {
                self.exchange_names(change.table, &own, &survivor)?;
            }
        }
        Ok(())
    }

    /// The living record of one key gets another one, under which nothing lives; whoever waited there lets go.
    fn exchange_names(&mut self, table: TableNo, own: &Key, survivor: &Key) -> Result<()> {
        let ledger = &self.session.ledger;
        let mut ours = ledger.load(table, own)?;
        let mut waiting = ledger.load(table, survivor)?;
        if waiting.id.is_some() {
            // Two records cannot have one key, not even between two statements.
            waiting.key = Key::from_bytes([survivor.as_bytes(), &[0]].concat());
            ledger.store_names(&mut waiting)?;
        }
        ours.key = survivor.clone();
        ledger.store_names(&mut ours)?;
        if waiting.id.is_some() {
            waiting.key = own.clone();
            ledger.store_names(&mut waiting)?;
            waiting.extra = crate::ledger::Extra::default();
            // Whoever deleted the one and kept the other kept the record: of that nobody is told anything who has not heard it.
            for link in &self.links {
                known::set_opinion(ledger, &mut waiting, *link, Opinion::Known(None))?;
            }
            ledger.store_extra(&mut waiting)?;
        }
        Ok(())
    }

    /// Both are here: every reference to ours goes to the survivor, and ours ends. What of it was never sent is listed.
    fn merge_into(&mut self, incoming: &Incoming, table: TableNo, own: &Key, survivor: &Key) -> Result<()> {
        let session = self.session;
        let shape = session.shape(table);
        let mut ours = session.load(table, own)?;
        let mut theirs = session.load(table, survivor)?;
        let (Some(from), Some(to)) = (ours.at().as_integer(), theirs.at().as_integer()) else { return Ok(()) };
        self.lead_elsewhere(table, from, to)?;
        let Some(image) = ours.current.clone() else { return Ok(()) };
        let base = match known::opinion(&session.ledger, &ours, incoming.link)? {
            Opinion::Known(base) => base,
            Opinion::Unknown => None,
        };
        let edited: Vec<FieldNo> = base.iter().flat_map(|base| base.row.differing(&image.row)).collect();
        // Who has both here below hears of the survivor that it absorbed ours, before it hears that ours ended.
        for link in self.links.iter().filter(|link| link.kind == NeighbourKind::Child) {
            if known::opinion(&session.ledger, &ours, *link)? != Opinion::Known(None)
                && let Opinion::Known(Some(there)) = known::opinion(&session.ledger, &theirs, *link)?
            {
                let there = Opinion::Known(Some(Image { born: image.born, ..there }));
                known::set_opinion(&session.ledger, &mut theirs, *link, there)?;
            }
        }
        self.store_extra(&mut theirs)?;
        let losses = self.losses.len();
        self.lose(&ours, incoming, base.as_ref(), &image, &edited, ConflictKind::Twin, "it became one with the record of another site")?;
        self.list_losses(losses)?;
        match session.database()?.delete(shape, ours.at())? {
            crate::database::Written::Done => {}
            crate::database::Written::Refused(_) | crate::database::Written::Missing => {
                return Err(SyncError::Moved { table: shape.name.clone(), key: ours.at().to_string() });
            }
        }
        ours.current = None;
        ours.extra = crate::ledger::Extra::default();
        session.ledger.append(&mut ours, &EntryKind::Delete(image), Some(incoming.link.site), self.cause, None)?;
        session.ledger.store_mirror(&mut ours, None)?;
        session.ledger.store_extra(&mut ours)?;
        session.vacate(&mut ours)
    }
}
