//! What lost, and how is it written down? Nothing that is not applied goes without an entry (`DESIGN` invariants 2 and 10).
//!
//! Losses gather while one change is decided and are listed once the decision is carried out: a change that turns out to
//! be held has lost nothing.
//!
//! A delete does not carry who made it: to a parent it is its child's. Each site that hears what became of a delete of its own looks from
//! which of its children it had that, and passes the outcome on as that child's ([`Applying::of_all`]), down to whoever made it.
//!
//! An edit that was here already when a child's came goes up once, as that of whoever made it first. Who made it as well is noted beside it
//! ([`OurEdit`]), and each site that hears of an edit that lost names those to whom it passes the outcome on ([`Conflict::also`]). It is noted of both edits: that of the
//! child may lose where it was made, and what took its place then takes that of the first one here without a conflict. Where that
//! edit came to an office from above before the same one came from below, only that office knows: so what lost after it stood is told to
//! offices for whom nobody is named, too, and listed only where it concerns somebody ([`Conflict::passing`]). **Invariant**: a site is named
//! only for an edit of its own: an edit is known by its site and time, a delete by its entry of the journal, and the same value typed once
//! more is another one.

use std::collections::BTreeSet;

use crate::ledger::{CauseKind, Conflict, ConflictKind, ConflictState, EntryKind, Neighbour, NeighbourKind, OurEdit, Record};
use crate::model::{Born, FieldNo, Identity, Image, JournalNumber, Key, Millis, PacketNumber, Row, SiteName, SiteNo, Stamp, Value};
use crate::rules::DeleteRule;
use crate::site::Role;
use crate::sync::apply::{Applying, Incoming};
use crate::sync::known::Link;
use crate::sync::{Result, Session, history, mend};

/// Why a delete is taken back.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) enum TakenBack<'i> {
    /// The record was edited, and is to be this.
    Edited(&'i Image),
    /// This other record refers to it, in words.
    NeededBy(&'i str),
}

/// What stands for the values of a delete that lost.
const DELETED: &str = "deleted";
/// The same of one that waits.
pub(in crate::sync) const DELETE_WAITS: &str = "delete waits";

impl Applying<'_> {
    /// A conflict with everything but its values.
    pub(in crate::sync) fn conflict(
        &self,
        record: &Record,
        kind: ConflictKind,
        field: Option<FieldNo>,
        rule: &str,
        state: ConflictState,
        incoming: &Incoming,
    ) -> Conflict {
        let shape = self.session.shape(record.table);
        Conflict {
            kind,
            table: shape.name.clone(),
            key: self.session.shown_key(record).unwrap_or_else(|_| record.at().clone()),
            born: record.key.birth().and_then(|born| Some((self.session.ledger.site_name(born.site).ok()?, born.sequence))),
            field: field.map(|field| shape.name_of(field).to_owned()),
            exact: Row::default(),
            base: None,
            called: None,
            winner: None,
            loser: None,
            winner_site: None,
            loser_site: None,
            also: Vec::new(),
            winner_time: None,
            loser_time: None,
            child_won: None,
            settles: None,
            passing: false,
            rule: rule.to_owned(),
            decider: self.session.name().clone(),
            packet: Some((incoming.name.clone(), incoming.number)),
            time: self.now,
            state,
            listed_at: None,
        }
    }

    /// A value as people know it: with numbers.
    pub(in crate::sync) fn shown(&self, record: &Record, field: FieldNo, row: &Row) -> Result<Value> {
        let shape = self.session.shape(record.table);
        if !shape.concerns_numbers(field) {
            return Ok(row.get(field).clone());
        }
        Ok(self.session.shown_row(shape, row)?.get(field).clone())
    }

    /// Where a value comes from: its stamp, else the neighbour that sent it, else this site.
    pub(in crate::sync) fn site_of(&self, stamp: Option<Stamp>, incoming: Option<&Incoming>) -> Result<SiteName> {
        Ok(match (stamp, incoming) {
            (Some(stamp), _) => self.session.ledger.site_name(stamp.site)?,
            (None, Some(incoming)) => incoming.name.clone(),
            (None, None) => self.session.name().clone(),
        })
    }

    /// The fields of a change that could not go anywhere, each with its value.
    #[expect(clippy::too_many_arguments, reason = "the parts of one change, taken apart by the caller")]
    pub(in crate::sync) fn lose(
        &mut self,
        record: &Record,
        incoming: &Incoming,
        base: Option<&Image>,
        theirs: &Image,
        fields: &[FieldNo],
        kind: ConflictKind,
        rule: &str,
    ) -> Result<()> {
        for field in fields.iter().copied() {
            let absent = Value::Absent;
            let (old, new) = (base.map_or(&absent, |base| base.row.get(field)), theirs.row.get(field));
            if old == new || !new.is_stated() {
                continue;
            }
            let shown = |row: &Row| self.shown(record, field, row);
            let (old, new) = (&base.map_or(Ok(Value::Absent), |base| shown(&base.row))?, &shown(&theirs.row)?);
            // What may not be changed stands as it is; any other loss has no record to stand in.
            let standing = record.current.as_ref().filter(|_| kind == ConflictKind::Refused);
            let standing = standing.map_or(Ok(Value::Absent), |ours| shown(&ours.row))?;
            let mut conflict = self.conflict(record, kind, Some(field), rule, ConflictState::Decided, incoming);
            conflict.key = self.key_said(record, theirs)?;
            conflict.base = old.is_stated().then(|| old.to_string());
            (conflict.winner, conflict.loser) = (standing.is_stated().then(|| standing.to_string()), Some(new.to_string()));
            conflict.exact = Row(vec![old.clone(), standing, new.clone()]);
            conflict.loser_site = self.site_of(theirs.stamp(field), Some(incoming)).ok();
            conflict.loser_time = theirs.stamp(field).map(|stamp| stamp.time);
            conflict.winner_site = Some(self.session.name().clone());
            self.losses.push(conflict);
        }
        Ok(())
    }

    /// The key that people know: ours, else the one that a record which never was here has at its sender.
    pub(in crate::sync) fn key_said(&self, record: &Record, theirs: &Image) -> Result<Key> {
        let (session, shape) = (self.session, self.session.shape(record.table));
        let key = session.shown_key(record)?;
        let unnumbered = record.current.is_none() && (key.is_birth() || shape.identity() == Identity::Meaning);
        if !unnumbered {
            return Ok(key);
        }
        Ok(shape.key_of(&session.shown_row(shape, &theirs.row)?).unwrap_or(key))
    }

    /// A delete of the neighbour that did not happen because of an edit, made then and there.
    pub(in crate::sync) fn lose_delete_to(&mut self, record: &Record, incoming: &Incoming, rule: &str, edit: Option<Stamp>) -> Result<()> {
        self.lose_delete(record, incoming, ConflictKind::Delete, rule);
        let site = edit.map(|edit| self.site_of(Some(edit), None)).transpose()?;
        if let (Some(conflict), Some(site)) = (self.losses.last_mut(), site) {
            (conflict.winner_site, conflict.winner_time) = (Some(site), edit.map(|edit| edit.time));
        }
        Ok(())
    }

    /// A delete of the neighbour that did not happen.
    pub(in crate::sync) fn lose_delete(&mut self, record: &Record, incoming: &Incoming, kind: ConflictKind, rule: &str) {
        let mut conflict = self.conflict(record, kind, None, rule, ConflictState::Decided, incoming);
        (conflict.winner, conflict.loser) = (Some("kept".into()), Some(DELETED.into()));
        (conflict.winner_site, conflict.loser_site) = (Some(self.session.name().clone()), Some(incoming.name.clone()));
        self.losses.push(conflict);
    }

    /// What was edited here of a record that a child's delete takes along.
    pub(in crate::sync) fn lose_edits_here(
        &mut self,
        record: &Record,
        incoming: &Incoming,
        base: &Image,
        ours: &Image,
        edits: &[(FieldNo, Option<Stamp>)],
        rule: &str,
    ) -> Result<()> {
        for (field, stamp) in edits.iter().copied() {
            let (old, current) = (self.shown(record, field, &base.row)?, self.shown(record, field, &ours.row)?);
            let mut conflict = self.conflict(record, ConflictKind::Delete, Some(field), rule, ConflictState::Decided, incoming);
            conflict.base = old.is_stated().then(|| old.to_string());
            (conflict.winner, conflict.loser) = (Some("deleted".into()), Some(current.to_string()));
            conflict.exact = Row(vec![old, Value::Absent, current]);
            (conflict.winner_site, conflict.loser_site) = (Some(incoming.name.clone()), Some(self.site_of(stamp, None)?));
            conflict.loser_time = stamp.map(|stamp| stamp.time);
            self.losses.push(conflict);
        }
        Ok(())
    }

    /// What was edited here, from `base` to `ours`, in the field that a child's delete sets.
    pub(in crate::sync) fn lose_to_mark(
        &mut self,
        record: &Record,
        incoming: &Incoming,
        (base, ours): (&Image, &Image),
        field: FieldNo,
        mark: &Value,
    ) -> Result<()> {
        let (old, current) = (self.shown(record, field, &base.row)?, self.shown(record, field, &ours.row)?);
        let policy = self.session.policy(record.table);
        let rule = policy.deletes.word();
        let mut conflict = self.conflict(record, ConflictKind::Field, Some(field), rule, ConflictState::Decided, incoming);
        conflict.base = old.is_stated().then(|| old.to_string());
        (conflict.winner, conflict.loser) = (Some(mark.to_string()), Some(current.to_string()));
        conflict.exact = Row(vec![old, mark.clone(), current]);
        (conflict.winner_site, conflict.loser_site) = (Some(incoming.name.clone()), Some(self.site_of(ours.stamp(field), None)?));
        (conflict.winner_time, conflict.loser_time) = (Some(self.now), ours.stamp(field).map(|stamp| stamp.time));
        self.losses.push(conflict);
        Ok(())
    }

    /// What was listed from place `from` on waits for a person.
    pub(in crate::sync) fn leave_open(&mut self, from: usize) {
        self.losses[from..].iter_mut().for_each(|conflict| conflict.state = ConflictState::Open);
    }

    /// A delete that happened here, or came from a child, and is taken back because the neighbour edited or needs the record.
    pub(in crate::sync) fn lose_deletion_here(&mut self, record: &Record, incoming: &Incoming, because: TakenBack<'_>) -> Result<()> {
        let (rule, stamp) = match because {
            TakenBack::Edited(edit) => (DeleteRule::EditWins.word().to_owned(), edit.stamps.iter().flatten().copied().max()),
            TakenBack::NeededBy(other) => (format!("{other} refers to it"), None),
        };
        let mut conflict = self.conflict(record, ConflictKind::Delete, None, &rule, ConflictState::Decided, incoming);
        (conflict.winner, conflict.loser) = (Some("kept".into()), Some(DELETED.into()));
        // The parent hears of its delete as this site does, and a child that takes its own back has listed whose that was, where it is an office.
        let deleters = self.who_deleted(record)?;
        let deleter = match deleters.from {
            Some(_) => deleters.child.filter(|child| *child != incoming.name),
            None => Some(self.session.name().clone()),
        };
        conflict.also = deleters.also.into_iter().filter(|(site, _)| *site != incoming.name).collect();
        (conflict.winner_site, conflict.loser_site) = (self.site_of(stamp, Some(incoming)).ok(), deleter);
        conflict.winner_time = stamp.map(|stamp| stamp.time);
        self.losses.push(conflict);
        Ok(())
    }

    /// Who made the last delete of a record.
    fn who_deleted(&self, record: &Record) -> Result<Deleters> {
        let ledger = &self.session.ledger;
        let mut since = Vec::new();
        for entry in ledger.chain(record, JournalNumber(0))? {
            let cause = ledger.cause(entry.cause)?.kind;
            match entry.kind {
                EntryKind::Delete(_) | EntryKind::Replace(_) => {}
                EntryKind::Insert | EntryKind::Update(..) | EntryKind::Rename(_) => {
                    since.push(cause);
                    continue;
                }
            }
            let from = match cause {
                CauseKind::Packet(site, _) => Some(site),
                CauseKind::Seal | CauseKind::Found | CauseKind::Retry => entry.known_to,
            };
            let child = |link: &&Link| Some(link.site) == from && link.kind == NeighbourKind::Child;
            let child = self.links.iter().find(child).map(|link| ledger.site_name(link.site)).transpose()?;
            let same = record.id.map_or(Ok(Vec::new()), |id| ledger.same_edits(id, OurEdit::Delete(entry.number)))?;
            return Ok(Deleters { child, from, entry: Some(entry.number), since, also: self.named(same)? });
        }
        Ok(Deleters::default())
    }

    fn named(&self, sites: Vec<(SiteNo, Option<Millis>)>) -> Result<Vec<(SiteName, Option<Millis>)>> {
        let named = |(site, time)| Ok((self.session.ledger.site_name(site)?, time));
        sites.into_iter().map(named).collect()
    }

    /// Notes that a child deleted what was deleted already.
    pub(super) fn note_same_delete(&mut self, record: &Record, incoming: &Incoming, born: Born) -> Result<()> {
        let ledger = &self.session.ledger;
        let (Some(id), Some(last)) = (record.id, ledger.ended(record)?.into_iter().next()) else { return Ok(()) };
        let deleters = self.who_deleted(record)?;
        if let Some(entry) = deleters.entry
            && deleters.child.as_ref() != Some(&incoming.name)
            && ledger.same(last.born, born)?
        {
            self.same.push((id, OurEdit::Delete(entry), incoming.link.site, None));
        }
        Ok(())
    }

    /// An outcome that a neighbour told, in packets from `since` on, as everybody's whose edit lost as far as this site knows: see the module.
    /// None where it concerns nobody here, and nobody to whom it could be passed on.
    pub(in crate::sync) fn of_all(&self, conflict: Conflict, from: &Neighbour, since: PacketNumber) -> Result<Option<Conflict>> {
        let known = conflict.also.len();
        let (was_passing, conflict) = (conflict.passing, self.with_all(Conflict { passing: false, ..conflict }, from, since)?);
        if !was_passing || conflict.also.len() > known {
            return Ok(Some(conflict));
        }
        let may_know = |other: &Neighbour| other.site != from.site && is_office(other);
        let passed_on = self.session.ledger.neighbours()?.iter().any(may_know);
        Ok(passed_on.then_some(Conflict { passing: true, ..conflict }))
    }

    fn with_all(&self, mut conflict: Conflict, from: &Neighbour, since: PacketNumber) -> Result<Conflict> {
        let session = self.session;
        // Whose it is was found out when what it settles came.
        if let Some((decider, number)) = &conflict.settles {
            let Some(settled) = session.ledger.conflict_at(decider, *number)? else { return Ok(conflict) };
            if conflict.loser_site.as_ref() == Some(session.name()) {
                conflict.loser_site = settled.loser_site.or(conflict.loser_site);
            }
            settled.also.into_iter().for_each(|also| add(&mut conflict, also));
            return Ok(conflict);
        }
        if conflict.field.is_some() {
            return self.with_same_edits(conflict);
        }
        if !matches!(conflict.loser.as_deref(), Some(DELETED | DELETE_WAITS)) {
            return Ok(conflict);
        }
        let Some(record) = self.record_of(&conflict)? else { return Ok(conflict) };
        let deleters = self.who_deleted(&record)?;
        let is_ours = conflict.losing_sites().any(|site| site == session.name());
        if let Some(child) = deleters.child.filter(|_| is_ours) {
            let ours = conflict.loser_site.iter_mut().chain(conflict.also.iter_mut().map(|(site, _)| site));
            ours.filter(|site| *site == session.name()).for_each(|site| *site = child.clone());
        }
        let comes_back = |cause: &CauseKind| matches!(cause, CauseKind::Packet(site, number) if *site == from.site && *number >= since);
        let is_theirs = deleters.from == Some(from.site) && deleters.since.iter().all(comes_back);
        if conflict.loser.as_deref() == Some(DELETED) && (is_ours || is_theirs) {
            deleters.also.into_iter().for_each(|also| add(&mut conflict, also));
        }
        Ok(conflict)
    }

    /// A value that lost, with everybody who typed the same: each edit of it may have been here already when others of it came.
    fn with_same_edits(&self, mut conflict: Conflict) -> Result<Conflict> {
        let (session, ledger) = (self.session, &self.session.ledger);
        match conflict.kind {
            ConflictKind::Field | ConflictKind::Delete | ConflictKind::Gone | ConflictKind::Refused | ConflictKind::Dropped => {}
            // Nothing lost, or not yet.
            ConflictKind::Twin
            | ConflictKind::Dependants
            | ConflictKind::Held
            | ConflictKind::Taken
            | ConflictKind::Merged
            | ConflictKind::Settled => return Ok(conflict),
        }
        let lost = conflict.loser_site.iter().map(|site| (site, conflict.loser_time));
        let mut stamps = Vec::new();
        for (site, time) in lost.chain(conflict.also.iter().map(|(site, time)| (site, *time))) {
            stamps.extend(self.stamp_of_same(site, time)?);
        }
        if stamps.is_empty() {
            return Ok(conflict);
        }
        let shape = session.shapes.iter().find(|shape| shape.name == conflict.table);
        let field = shape.zip(conflict.field.as_ref()).and_then(|(shape, field)| shape.field(field));
        let (Some(field), Some(record)) = (field, self.record_of(&conflict)?) else { return Ok(conflict) };
        // Those that became one with it were its own records here once.
        let absorbed = record.current.as_ref().map_or(Ok(Vec::new()), |ours| ledger.absorbed_by(ours.born))?;
        let mut ids = vec![record.id];
        if session.shape(record.table).identity() == Identity::Birth {
            for born in absorbed {
                ids.push(session.load(record.table, &Key::of_birth(born))?.id);
            }
        }
        // Who typed it after one of them is named as one more, and may have been before others.
        let mut passed = BTreeSet::new();
        while let Some(stamp) = stamps.pop() {
            for id in ids.iter().copied().flatten() {
                for (site, time) in self.named(ledger.same_edits(id, OurEdit::Field(field, stamp))?)? {
                    if conflict.losing_sites().all(|known| *known != site) && passed.insert((site.clone(), time)) {
                        stamps.extend(self.stamp_of_same(&site, time)?);
                        // Who made what won knew of its own.
                        if conflict.winner_site.as_ref() != Some(&site) {
                            conflict.also.push((site, time));
                        }
                    }
                }
            }
        }
        Ok(conflict)
    }

    /// A neighbour's outcome names those whose edit came late here ([`Applying::come_late`]): what is listed of them because of the same build, of which `since` is the
    /// first packet, says nothing more.
    pub(in crate::sync) fn take_up_late(&mut self, outcome: &Conflict, from: &Neighbour, since: PacketNumber) -> Result<()> {
        if outcome.also.is_empty() || outcome.field.is_none() {
            return Ok(());
        }
        let is_late = |ours: &Conflict| {
            let is_own = ours.decider == *self.session.name();
            let is_same_record = ours.key == outcome.key || (ours.born.is_some() && ours.born == outcome.born);
            let of_build = ours.packet.as_ref().is_some_and(|(site, number)| *site == from.card.name && *number >= since);
            let lost = ours.loser_site.clone().map(|site| (site, ours.loser_time));
            is_own && is_same_record && of_build && ours.field == outcome.field && lost.is_some_and(|lost| outcome.also.contains(&lost))
        };
        let mut late = Vec::new();
        self.session.ledger.conflicts_of(&outcome.table, &mut |number, ours| late.extend(is_late(&ours).then_some(number)))?;
        late.into_iter().try_for_each(|number| self.session.ledger.forget_conflict(number))?;
        self.tally.conflicts.retain(|ours| ours.table != outcome.table || !is_late(ours));
        Ok(())
    }

    /// An edit by its site and time, where anybody made it as well.
    fn stamp_of_same(&self, site: &SiteName, time: Option<Millis>) -> Result<Option<Stamp>> {
        let (ledger, Some(time)) = (&self.session.ledger, time) else { return Ok(None) };
        let stamp = Stamp { time, site: ledger.site_number(site)? };
        Ok(ledger.has_same_edits(stamp)?.then_some(stamp))
    }

    fn record_of(&self, conflict: &Conflict) -> Result<Option<Record>> {
        record_of(self.session, conflict)
    }

    /// Two records under one natural key that are one from now on, each of whoever made it.
    pub(in crate::sync) fn lose_twin(&mut self, record: &Record, incoming: &Incoming, ours: Born, theirs: &Image) -> Result<()> {
        let mut conflict =
            self.conflict(record, ConflictKind::Twin, None, "the same key is the same record", ConflictState::Decided, incoming);
        (conflict.winner, conflict.loser) = (Some("one record".into()), Some("created twice".into()));
        conflict.exact = self.session.shown_row(self.session.shape(record.table), &theirs.row)?;
        let [ours, theirs] = [ours, theirs.born].map(|born| self.session.ledger.site_name(born.site).map(Some));
        (conflict.winner_site, conflict.loser_site) = (ours?, theirs?);
        self.losses.push(conflict);
        Ok(())
    }

    /// Writes down the losses from place `from` on: the decision was carried out.
    pub(in crate::sync) fn list_losses(&mut self, from: usize) -> Result<()> {
        for (record, ours, site, time) in std::mem::take(&mut self.same) {
            self.session.ledger.note_same_edit(record, ours, site, time, self.now)?;
            self.any_same = true;
            // It may lose where it was made, while ours stands.
            if let (OurEdit::Field(field, stamp), Some(time)) = (ours, time) {
                let theirs = OurEdit::Field(field, Stamp { time, site });
                self.session.ledger.note_same_edit(record, theirs, stamp.site, Some(stamp.time), self.now)?;
            }
        }
        for place in from..self.losses.len() {
            if self.losses[place].field.is_some() {
                self.losses[place] = self.with_same_edits(self.losses[place].clone())?;
            }
        }
        self.list_as_they_are(from)
    }

    /// The same of losses that name everybody who lost.
    pub(super) fn list_as_they_are(&mut self, from: usize) -> Result<()> {
        for conflict in self.losses.split_off(from) {
            self.session.ledger.add_conflict(&conflict, None)?;
            self.tally.conflicts.push(conflict);
        }
        Ok(())
    }
}

/// Who deleted a record.
#[derive(Default)]
struct Deleters {
    /// The child from which that came first, where it came from one.
    child: Option<SiteName>,
    /// The neighbour from which it came.
    from: Option<SiteNo>,
    /// The entry of the journal.
    entry: Option<JournalNumber>,
    /// Of what came after it.
    since: Vec<CauseKind>,
    /// The children that did the same after that.
    also: Vec<(SiteName, Option<Millis>)>,
}

/// Has a conflict name one more site, where it does not yet.
fn add(conflict: &mut Conflict, also: (SiteName, Option<Millis>)) {
    if conflict.losing_sites().all(|site| *site != also.0) {
        conflict.also.push(also);
    }
}

/// Whether sites below a neighbour, or beside it, may have made an edit as well of which it has told us nothing.
pub(in crate::sync) fn is_office(neighbour: &Neighbour) -> bool {
    neighbour.kind == NeighbourKind::Parent || neighbour.card.role == Role::Office.to_string()
}

/// The record that a conflict is about, as far as that is known.
pub(in crate::sync) fn record_of(session: &Session, conflict: &Conflict) -> Result<Option<Record>> {
    let Some(shape) = session.shapes.iter().find(|shape| shape.name == conflict.table) else { return Ok(None) };
    match mend::record_of(session, shape, conflict)? {
        Some(record) => Ok(Some(record)),
        None => Ok(history::under(session, shape, &conflict.key)?.into_iter().next()),
    }
}

/// Whether what lost had stood at `site`, and may have been told before it lost.
pub(in crate::sync) fn stood_at(site: &SiteName, conflict: &Conflict) -> bool {
    let decided = conflict.decider == *site;
    let sender = conflict.packet.as_ref().map(|(sender, _)| sender);
    match (conflict.kind, &conflict.field) {
        (ConflictKind::Field, _) => !decided || conflict.child_won == Some(true),
        (ConflictKind::Delete, Some(_)) => !decided || conflict.winner_site.as_ref() == sender,
        (ConflictKind::Delete, None) => !decided || conflict.loser_site.as_ref() != sender,
        (ConflictKind::Gone | ConflictKind::Refused | ConflictKind::Dropped | ConflictKind::Dependants, _) => !decided,
        (ConflictKind::Settled, _) => true,
        (ConflictKind::Twin | ConflictKind::Held | ConflictKind::Taken | ConflictKind::Merged, _) => false,
    }
}
