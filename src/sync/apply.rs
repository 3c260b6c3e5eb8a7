//! How do a packet's changes become records, once?
//!
//! A packet is applied in **slices**: each is one transaction of the application's database and one of the ledger, short
//! enough that the application never waits long for the write lock.
//!
//! **States of a packet**: verified (in the inbox) → slice 1 … n committed (the database says how many changes are
//! done) → applied (the database says its number and id). **Crash points**: before a database commit nothing of the
//! slice happened; between the database's and the ledger's commit the next run replays the ledger's writes from the
//! commit record ([`Session::open`]); then applying goes on after the changes that are done.
//! **Invariant**: what the database says is done is exactly what was done to the records.
//!
//! What a child's build says of one record may be in several packets of it, and the last one says how far the child is settled. What can turn out to be
//! something else by another change waits for that one ([`Applying::is_taken_whole`]).
//!
//! Each slice first seals under the write lock, so that an edit made a moment ago is an edit and not drift (`DESIGN`
//! section 4, rule 6). Our writes are noted by capture too; since we hold the lock, what the log gained is ours.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::BufReader;
use std::rc::Rc;
use std::time::Duration;

use super::deciding::by_value::referred_by_value;
use super::deciding::following::Following;
use super::deciding::held::Try;
use super::deciding::losses::DELETE_WAITS;
use super::deciding::meant::Moved;
use super::deciding::merge::Seen;
use super::deciding::references::{Coming, Ended, Waiting};
use super::deciding::rekeyed::Outlived;
use super::deciding::revive::Along;
use super::known::Link;
use super::report::Tally;
use super::schema;
use super::seal::{self, Sealing, give_back};
use super::session::RULES_PART;
use super::standing;
use super::tracking::evolve::Event;
use super::tracking::foreign::Foreign;
use super::tracking::news;
use super::tracking::parked;
use super::tracking::vocabulary::Words;
use super::{Result, Session, SyncError};
use crate::database::{Applied, Aside, Capture, Reached};
use crate::ledger::{
    Cause, CauseKind, Conflict, ConflictKind, ConflictState, Direction, Held, Means, Neighbour, NeighbourKind, OurEdit, PacketRow, Record,
};
use crate::model::{Change, FieldNo, JournalNumber, Key, Millis, PacketNumber, Row, SiteName, SiteNo, TableNo};
use crate::packet::{Block, BlockReader, EntryReader, Opened};
use crate::rules::TriggerRule;
use crate::site::Roster;

/// Between two slices of a packet. SQLite asks again for a lock every 25 ms once it has waited a while: a shorter pause
/// would let the application miss it, slice after slice.
const PAUSE: Duration = Duration::from_millis(30);

/// Records that a sentence names.
const NAMED: usize = 5;

/// Whose change it is and which packet brought it.
pub(super) struct Incoming {
    pub link: Link,
    pub name: SiteName,
    pub number: PacketNumber,
}

/// One open slice: the transactions of database and ledger, and what happens in them.
pub(super) struct Applying<'s> {
    pub session: &'s Session,
    pub cause: i64,
    pub links: Vec<Link>,
    pub has_children: bool,
    pub now: Millis,
    pub tally: Tally,
    /// What lost in the change being decided, listed once the decision is carried out.
    pub losses: Vec<Conflict>,
    /// Edits of the change being decided that were here already: the record, ours, whose, when; noted with the losses.
    pub same: Vec<(i64, OurEdit, SiteNo, Option<Millis>)>,
    /// Whether anything is on its way to the parent: while a packet is applied that only becomes less.
    pub any_pending: bool,
    /// Whether anybody made an edit that was here already.
    pub any_same: bool,
    /// How far a child has heard us, once somebody asked.
    pub heard: Cell<Option<(SiteNo, Seen, JournalNumber)>>,
    /// Whose change is being taken.
    pub speaker: Option<Link>,
    /// Held records that are being applied although they refer to each other.
    pub together: BTreeSet<(TableNo, Key)>,
    /// Records taken out of the database for the moment, so that they can exchange unique values. The mirror has their rows, and follows
    /// what happens meanwhile to the numbers in them; what they hold beside their shape is here.
    pub lifted: BTreeMap<(TableNo, Key), Aside>,
    /// Per table what refers to its numbers and does not travel: tables and columns.
    pub untracked: BTreeMap<TableNo, Rc<[(String, String)]>>,
    /// For which records something is held, once somebody asked.
    pub waiting: RefCell<Option<Waiting>>,
    /// By which values records that wait can be referred to, as of the last look at what waits for each other.
    pub coming: RefCell<Coming>,
    /// What had which values last, where somebody asked and nothing ended since.
    pub ended: RefCell<Ended>,
    /// Fields that are no key and to which other records refer by what they hold.
    pub referred: BTreeSet<(TableNo, FieldNo)>,
    /// What referred to a value that its record has no more.
    pub following: Vec<Following>,
    /// What ended at a neighbour and stays here.
    pub outlived: Vec<Outlived>,
    /// Fields of which a neighbour spoke that had not taken what is here.
    pub apart: BTreeSet<(TableNo, Key, FieldNo)>,
    /// Records to which others refer by values and that a child gave other ones, with what they were for it before.
    pub said: BTreeMap<(TableNo, Key), Row>,
    /// Whom the change that is being taken means by values, where it waited.
    pub meant: Vec<Means>,
    /// The fields that the change being taken states itself, and not one that waited before it.
    pub stated: Vec<FieldNo>,
    /// What got other values by which others refer since a neighbour heard of us, once somebody asked: by neighbour and table.
    pub moved: RefCell<Moved>,
    /// Whose packet is at its end, and with it all packets that were built together.
    ending: Option<SiteNo>,
    /// What waited in vain to be alone with its kind is decided now.
    pub is_last_try: bool,
    /// What of the parent dangles there is let dangle here.
    pub may_dangle: bool,
    pub buffer: Vec<u8>,
    /// What comes back because of the change being decided, where anything does.
    pub along: Option<Along>,
    /// Records that came without a value which they must have, by its field.
    pub stood_in: BTreeMap<(TableNo, FieldNo), Vec<String>>,
    /// Who else is there, once somebody asked.
    roster: OnceCell<Roster>,
}

/// Runs `work` as one slice: commits in the database, then in the ledger.
pub(super) fn slice<T>(session: &Session, kind: CauseKind, work: impl FnOnce(&mut Applying<'_>) -> Result<T>) -> Result<(T, Tally)> {
    let database = session.database()?;
    // What has gathered is sealed before the lock is taken, so that little is left to do under it.
    seal::seal_all(session)?;
    database.begin_write()?;
    let done = session.ledger.begin().map_err(SyncError::from).and_then(|()| {
        session.ledger.record();
        let done = slice_begun(session, kind, work)?;
        let moment = database.commit_at(&session.world)?;
        session.ledger.commit(&session.world, "commit ledger after records")?;
        session.sealed_at.set(Some(moment));
        Ok(done)
    });
    if let Err(error) = &done
        && !error.is_crash()
    {
        database.rollback()?;
        session.ledger.rollback()?;
    }
    done
}

fn slice_begun<T>(session: &Session, kind: CauseKind, work: impl FnOnce(&mut Applying<'_>) -> Result<T>) -> Result<(T, Tally)> {
    let (database, ledger) = (session.database()?, &session.ledger);
    seal::seal_under_lock(session)?;
    database.silence_application_triggers(&session.shapes, &session.rules, Capture::MayRest)?;
    *session.made_as.borrow_mut() = None;
    let neighbours = ledger.neighbours()?;
    let now = session.world.now();
    let mut applying = Applying {
        session,
        cause: ledger.add_cause(&Cause { kind, time: now })?,
        links: neighbours.iter().map(Link::from).collect(),
        has_children: neighbours.iter().any(|neighbour| neighbour.kind == NeighbourKind::Child),
        now,
        tally: Tally::default(),
        losses: Vec::new(),
        same: Vec::new(),
        any_pending: ledger.any_pending()?,
        any_same: ledger.any_same_edits()?,
        heard: Cell::default(),
        speaker: None,
        together: BTreeSet::new(),
        lifted: BTreeMap::new(),
        untracked: BTreeMap::new(),
        waiting: RefCell::default(),
        coming: RefCell::default(),
        ended: RefCell::default(),
        referred: referred_by_value(&session.shapes)
            .into_iter()
            .flat_map(|(table, fields)| fields.into_iter().map(move |field| (table, field)))
            .collect(),
        following: Vec::new(),
        outlived: Vec::new(),
        apart: BTreeSet::new(),
        said: BTreeMap::new(),
        meant: Vec::new(),
        stated: Vec::new(),
        moved: RefCell::default(),
        ending: None,
        is_last_try: false,
        may_dangle: false,
        buffer: Vec::new(),
        along: None,
        stood_in: BTreeMap::new(),
        roster: OnceCell::new(),
    };
    let done = work(&mut applying)?;
    applying.follow_values()?;
    if applying.ending.is_some() {
        session.spoken.borrow_mut().clear();
    }
    applying.say_what_stands_in()?;
    if session.rules.triggers().any(|(_, rule)| rule == TriggerRule::Run) {
        seal::seal_what_triggers_wrote(session)?;
    }
    let tally = applying.tally;
    standing::note_sync(session, tally.tables.keys(), now)?;
    database.note_silent_writes(&session.shapes)?;
    for shape in &session.shapes {
        let last = database.last_note(shape)?;
        if last > ledger.sealed(shape.number)? {
            seal::sealed_up_to(session, shape, last)?;
            database.trim(shape, last)?;
        }
    }
    note_commit(session)?;
    Ok((done, tally))
}

/// Puts what the ledger wrote since [`crate::ledger::Ledger::record`] into the open transaction of the database, so that both become
/// durable together.
pub(super) fn note_commit(session: &Session) -> Result<()> {
    let (database, ledger) = (session.database()?, &session.ledger);
    let commit = ledger.commits()? + 1;
    ledger.set_commits(commit)?;
    database.forget_commits(commit - 1)?;
    database.set_reached(&reached(session)?)?;
    Ok(database.put_commit(commit, &ledger.recorded()?)?)
}

/// How far the ledger is, for the database: a backup of that tells by it what its records were.
pub(super) fn reached(session: &Session) -> Result<Reached> {
    let ledger = &session.ledger;
    let sealed = session.shapes.iter().map(|shape| Ok((shape.number, ledger.sealed(shape.number)?)));
    Ok(Reached { journal: ledger.journal_end(), former: ledger.last_former()?, sealed: sealed.collect::<Result<_>>()? })
}

/// Applies the next packet of a neighbour from where it was left.
pub(super) fn apply(session: &Session, from: &Neighbour, opened: &Opened, file_name: &str, bytes: u64) -> Result<Tally> {
    apply_until(session, from, opened, Some((file_name, bytes)))
}

/// Applies the changes of the next packet from where they were left, and leaves it unfinished.
pub(super) fn apply_changes(session: &Session, from: &Neighbour, opened: &Opened) -> Result<Tally> {
    apply_until(session, from, opened, None)
}

/// `finish`: the name of the file and its length; none where the packet is to be left unfinished.
fn apply_until(session: &Session, from: &Neighbour, opened: &Opened, finish: Option<(&str, u64)>) -> Result<Tally> {
    let envelope = &opened.envelope;
    let name = from.card.name.clone();
    let database = session.database()?;
    let nothing =
        || Applied { stream: envelope.stream, number: from.received, packet: from.received_id.clone().unwrap_or_default(), slice: 0 };
    let applied = database.applied(&name)?.unwrap_or_else(nothing);
    let mut done = applied.slice;
    let mut changes = Changes::new(opened);
    let mut tally = Tally::default();
    let mut first = done == 0;
    let skip = done;
    let mut skipped = 0;
    let mut parks = session.ledger.any_parked(from.site)?;
    let is_overtaken = schema::overtake::is_overtaken(session, envelope)?;
    loop {
        let (finished, part) = slice(session, CauseKind::Packet(from.site, envelope.number), |applying| {
            let link = Link::from(from);
            let incoming = Incoming { link, name: name.clone(), number: envelope.number };
            if first {
                applying.acknowledge(from, opened)?;
            }
            let started = session.world.now();
            let mut taken = 0;
            loop {
                let Some(mut next) = changes.next(session)? else {
                    match finish {
                        Some((file_name, bytes)) => applying.finish(from, opened, file_name, bytes, done)?,
                        None => set_applied(session, from, &Applied { slice: done, ..applied.clone() })?,
                    }
                    return Ok(true);
                };
                if skipped < skip {
                    skipped += 1;
                    continue;
                }
                if is_overtaken {
                    next.parked = None;
                }
                parks |= next.parked.is_some();
                applying.take_next(&incoming, next, parks)?;
                done += 1;
                taken += 1;
                if taken >= session.limits.slice_changes || session.world.now().0 - started.0 >= session.limits.slice_millis {
                    set_applied(session, from, &Applied { slice: done, ..applied.clone() })?;
                    return Ok(false);
                }
            }
        })?;
        first = false;
        tally.add(part);
        if finished {
            tally.changes = done;
            return Ok(tally);
        }
        session.world.sleep(PAUSE);
    }
}

/// Writes down how far a neighbour's packets are applied. What is applied of the next one is in the ledger too: a database that is put back from
/// a backup does not know it.
fn set_applied(session: &Session, from: &Neighbour, applied: &Applied) -> Result<()> {
    session.database()?.set_applied(&from.card.name, applied)?;
    let part = part_note(from.site);
    if applied.slice > 0 {
        let text = serde_json::to_string(applied).map_err(|_| SyncError::Bug("what is applied does not write"))?;
        session.ledger.set_note(&part, &text)?;
    } else if session.ledger.note(&part)?.is_some_and(|text| !text.is_empty()) {
        session.ledger.set_note(&part, "")?;
    }
    Ok(())
}

/// How far the packets of a neighbour are applied, as the ledger knows it.
pub(super) fn applied_by_ledger(session: &Session, from: Neighbour) -> Result<Option<Applied>> {
    if let Some(text) = session.ledger.note(&part_note(from.site))?.filter(|text| !text.is_empty()) {
        return Ok(Some(serde_json::from_str(&text).map_err(|_| SyncError::Bug("what is applied does not read"))?));
    }
    let whole = from.stream_in.zip(from.received_id);
    Ok(whole.map(|(stream, packet)| Applied { stream, number: from.received, packet, slice: 0 }))
}

/// The note of what is applied of a packet that is taken in part.
fn part_note(from: SiteNo) -> String {
    format!("part:{}", from.0)
}

/// The note of a child's build of which only a part is taken: its first packet with changes.
fn build_note(from: SiteNo) -> String {
    format!("build:{}", from.0)
}

/// The note of the last of our packets that a child had taken before the edits that came last.
fn taken_note(from: SiteNo) -> String {
    format!("taken:{}", from.0)
}

/// One change of a packet: what has its place here, and what has not.
pub(super) struct Next {
    pub here: Option<Change>,
    parked: Option<Change>,
}

/// The changes of a packet one after the other, a block decoded at a time.
pub(super) struct Changes<'o> {
    opened: &'o Opened,
    parts: VecDeque<String>,
    reader: Option<BlockReader<BufReader<EntryReader>>>,
    decoded: VecDeque<Next>,
}

impl<'o> Changes<'o> {
    pub(super) fn new(opened: &'o Opened) -> Self {
        let parts = opened.entry_names().filter(|name| name.starts_with("changes/")).map(str::to_owned).collect();
        Self { opened, parts, reader: None, decoded: VecDeque::new() }
    }

    /// The next change; inside a slice, because names that were never heard get their numbers.
    pub(super) fn next(&mut self, session: &Session) -> Result<Option<Next>> {
        loop {
            if let Some(next) = self.decoded.pop_front() {
                return Ok(Some(next));
            }
            let block: Option<Block> = match &mut self.reader {
                Some(reader) => reader.next().transpose()?,
                None => None,
            };
            if let Some(block) = block {
                self.decode(session, &block)?;
                continue;
            }
            let Some(part) = self.parts.pop_front() else { return Ok(None) };
            self.reader = Some(BlockReader::new(BufReader::new(self.opened.read(&part)?), &session.limits.packet));
        }
    }

    fn decode(&mut self, session: &Session, block: &Block) -> Result<()> {
        let decoded = block.changes(&mut Words(session))?;
        if decoded.unknown_table.is_none() && decoded.unknown_fields.is_empty() {
            self.decoded.extend(decoded.changes.into_iter().map(|change| Next { here: Some(change), parked: None }));
            return Ok(());
        }
        let mut foreign = Foreign::of(session, block)?;
        let decoded = block.changes(&mut foreign)?;
        if decoded.unknown_table.is_some() || !decoded.unknown_fields.is_empty() {
            return Err(SyncError::Bug("a change that can be neither applied nor parked"));
        }
        for change in decoded.changes {
            let (here, parked) = foreign.split(change);
            self.decoded.push_back(Next { here, parked });
        }
        Ok(())
    }
}

impl Applying<'_> {
    /// The change being taken is the parent's: its word on numbers is final.
    pub(super) fn parent_speaks(&self) -> bool {
        self.speaker.is_some_and(|link| link.kind == NeighbourKind::Parent)
    }

    /// Takes one change: what has its place here is decided, what has not is parked. `parks`: there are such changes of the neighbour.
    fn take_next(&mut self, incoming: &Incoming, next: Next, parks: bool) -> Result<()> {
        let session = self.session;
        if next.here.is_none()
            && let Some(change) = &next.parked
        {
            self.hear_of(incoming, &session.inward(change.clone(), incoming.link)?)?;
        }
        if let Some(change) = next.here
            && !self.take_plainly(incoming, &change)?
        {
            let meant = match incoming.link.kind {
                NeighbourKind::Parent => self.settle_the_gone(&change).map(|()| Vec::new())?,
                NeighbourKind::Child => session.records_meant(&change)?,
            };
            let mut change = session.inward(change, incoming.link)?;
            if parks {
                self.unpark_former(incoming, &change)?;
            }
            let unsaid = parked::unsaid(session.shape(change.table), &change);
            match incoming.link.kind {
                NeighbourKind::Parent => self.take_from_parent(incoming, change, None)?,
                NeighbourKind::Child => {
                    self.complete(incoming, &mut change)?;
                    self.take_from_child(incoming, change, None)?;
                    self.tell_what_it_dangles_on(meant)?;
                }
            }
            if let Some(unsaid) = unsaid {
                self.agree_on_defaults(incoming, unsaid)?;
            }
        }
        next.parked.map_or(Ok(()), |change| self.park(incoming, session.inward(change, incoming.link)?))
    }

    fn say_what_stands_in(&mut self) -> Result<()> {
        let all = std::mem::take(&mut self.stood_in);
        let said = all.into_iter().map(|((table, field), keys)| {
            let shape = self.session.shape(table);
            let (named, more) = (&keys[..keys.len().min(NAMED)], keys.len().saturating_sub(NAMED));
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            Event::Said(format!(
                "`{}` of `{}` must not be empty, and {}{more} came without it from a site that had not heard of that: give it a value",
                shape.name_of(field),
                shape.name,
                named.join(", ")
            ))
        });
        let said: Vec<Event> = said.collect();
        if said.is_empty() { Ok(()) } else { news::add(self.session, &said) }
    }

    /// Counts the acknowledgement that a packet carries; before its changes (`DESIGN` section 4, "Streams").
    ///
    /// A site takes what has come before it sends, so that a packet acknowledges what its maker had not seen when the edits in it were made. What had come by
    /// then for certain is what the packet before acknowledged, of several that were built together the one before the first.
    fn acknowledge(&mut self, from: &Neighbour, opened: &Opened) -> Result<()> {
        let ledger = &self.session.ledger;
        if from.kind == NeighbourKind::Child && ledger.note(&build_note(from.site))?.is_none_or(|began| began.is_empty()) {
            let (note, taken) = (taken_note(from.site), from.acknowledged.0.to_string());
            if ledger.note(&note)?.is_none_or(|noted| noted != taken) {
                ledger.set_note(&note, &taken)?;
            }
        }
        let Some(acknowledged) = opened.envelope.acknowledges else { return Ok(()) };
        if acknowledged.number <= from.acknowledged {
            return Ok(());
        }
        self.session.ledger.set_acknowledged(from.site, acknowledged.number, self.now)?;
        if from.kind == NeighbourKind::Parent {
            self.session.ledger.drop_pending(acknowledged.number)?;
        }
        Ok(())
    }

    /// The last of our packets that a child had taken for certain when it made the edits that it sent last.
    pub(super) fn taken_before(&self, child: SiteNo) -> Result<PacketNumber> {
        let ledger = &self.session.ledger;
        let noted = ledger.note(&taken_note(child))?.and_then(|text| text.parse().ok()).map(PacketNumber);
        noted.map_or_else(|| Ok(ledger.neighbour(child)?.acknowledged), Ok)
    }

    /// The end of a packet: held changes are tried again, what else it brought is kept, and its number is written down.
    fn finish(&mut self, from: &Neighbour, opened: &Opened, file_name: &str, bytes: u64, changes: u64) -> Result<()> {
        let (session, envelope) = (self.session, &opened.envelope);
        let since = self.end_of_build(from, opened, changes)?;
        self.retry_held(Try::All)?;
        let brought = self.take_documents(from, opened, since.unwrap_or(envelope.number))?;
        if let Some(since) = since {
            self.tell_held(from, since, envelope.number)?;
        }
        self.raise_sequences(from, opened)?;
        let id = opened.id.to_string();
        let settled = envelope.settled.unwrap_or_default();
        session.ledger.set_received(from.site, envelope.stream, envelope.number, &id, settled, changes > 0 || brought)?;
        session.ledger.add_packet(&PacketRow {
            site: from.site,
            direction: Direction::In,
            number: envelope.number,
            id: id.clone(),
            name: file_name.to_owned(),
            bytes,
            changes,
            journal: session.ledger.journal_end(),
            time: self.now,
            deposited: Some(envelope.sent),
            acknowledged: None,
            wants_answer: changes > 0 || brought,
        })?;
        super::streams::clocks::heard(session, from, envelope, self.now)?;
        standing::note_program(session, from, opened.program.as_deref())?;
        let applied = Applied { stream: envelope.stream, number: envelope.number, packet: id, slice: 0 };
        set_applied(session, from, &applied)
    }

    /// Notes whether a packet is the last of those that its site built together. Gives the first of these then.
    fn end_of_build(&mut self, from: &Neighbour, opened: &Opened, changes: u64) -> Result<Option<PacketNumber>> {
        let (ledger, envelope) = (&self.session.ledger, &opened.envelope);
        let note = build_note(from.site);
        let began = ledger.note(&note)?.and_then(|text| text.parse().ok()).map(PacketNumber).filter(|began| *began <= envelope.number);
        let first = began.unwrap_or(envelope.number);
        let ends = match from.kind {
            NeighbourKind::Parent => !envelope.more,
            NeighbourKind::Child => envelope.settled.is_some(),
        };
        if ends {
            self.ending = Some(from.site);
        }
        // What comes behind the last one, such as the file of a bundle, has no changes.
        match (ends, began) {
            (true, Some(_)) => ledger.set_note(&note, "")?,
            (false, None) if changes > 0 => ledger.set_note(&note, &envelope.number.0.to_string())?,
            (true, None) | (false, _) => {}
        }
        Ok(ends.then_some(first))
    }

    /// Whether no packet of a neighbour is taken in part, and no build.
    pub(super) fn is_taken_whole(&self, site: SiteNo) -> Result<bool> {
        if self.ending == Some(site) {
            return Ok(true);
        }
        let applied = self.session.database()?.applied(&self.session.ledger.site_name(site)?)?;
        let middle = self.session.ledger.note(&build_note(site))?.is_some_and(|text| !text.is_empty());
        Ok(!middle && applied.is_none_or(|applied| applied.slice == 0))
    }

    /// Numbers that the parent's AUTOINCREMENT tables have given out are never given again here.
    fn raise_sequences(&self, from: &Neighbour, opened: &Opened) -> Result<()> {
        let Some(bytes) = opened.bytes(super::schema::PART, self.session.limits.document_bytes)? else { return Ok(()) };
        let sent: super::schema::SentSchema = serde_json::from_slice(&bytes).map_err(|_| SyncError::BadPart(super::schema::PART))?;
        if from.kind == NeighbourKind::Parent {
            self.session.database()?.set_sequences(&sent.schema.sequences)?;
        }
        Ok(())
    }

    /// Lists the changes of packets from `since` to `number` that still wait, so that the child hears of it.
    fn tell_held(&mut self, from: &Neighbour, since: PacketNumber, number: PacketNumber) -> Result<()> {
        if from.kind == NeighbourKind::Parent {
            return Ok(());
        }
        let mut waiting = Vec::new();
        self.session.ledger.exceptional(&mut |record| {
            let of_build = |held: &&Held| held.packet >= since && held.packet <= number && held.listed.is_none();
            let held = record.extra.held.get(&from.site).filter(of_build).cloned();
            waiting.extend(held.map(|held| (record, held)));
            Ok(())
        })?;
        for (record, held) in waiting {
            let incoming = Incoming { link: Link::from(from), name: from.card.name.clone(), number: held.packet };
            let mut conflict =
                self.conflict(&record, ConflictKind::Held, None, &held.reason.to_string(), ConflictState::Decided, &incoming);
            let stamp = held.change.after.as_ref().and_then(|image| image.stamps.iter().flatten().copied().max());
            conflict.loser_site = Some(self.site_of(stamp, Some(&incoming))?);
            conflict.loser = Some(if held.change.after.is_some() { "waits" } else { DELETE_WAITS }.into());
            let row = held.change.after.map(|image| image.row).unwrap_or_default();
            conflict.exact = self.session.shown_row(self.session.shape(record.table), &row)?;
            self.losses.push(conflict);
        }
        self.list_losses(0)
    }

    /// Outcomes of the neighbour's decisions, the roster, what is said of bundles and of the schema; the rules were taken before everything else ([`Session::take_rules`]).
    fn take_documents(&mut self, from: &Neighbour, opened: &Opened, since: PacketNumber) -> Result<bool> {
        let ledger = &self.session.ledger;
        let most = self.session.limits.document_bytes;
        let mut brought = opened.entry_bytes(RULES_PART).is_some() || opened.entry_bytes(super::schema::PART).is_some();
        if let Some(bytes) = opened.bytes("outcomes.json", most)? {
            let outcomes: Vec<(i64, Conflict)> = serde_json::from_slice(&bytes).map_err(|_| SyncError::BadPart("outcomes.json"))?;
            for (number, conflict) in outcomes {
                if let Some(conflict) = self.of_all(conflict, from, since)? {
                    self.take_up_late(&conflict, from, since)?;
                    ledger.add_conflict(&conflict, Some(number))?;
                    self.tally.outcomes += u64::from(!conflict.passing);
                }
            }
            brought = true;
        }
        if from.kind == NeighbourKind::Child && opened.entry_bytes(super::build::FULL_PART).is_some() {
            ledger.set_fresh(from.site)?;
            brought = true;
        }
        brought |= super::bundles::take(self.session, from, opened)?;
        brought |= super::schema::refusals::hear(self.session, from, opened)?;
        const ROSTER: &str = "roster.json";
        if let Some(bytes) = opened.bytes(ROSTER, most)? {
            let text = String::from_utf8(bytes).map_err(|_| SyncError::BadPart(ROSTER))?;
            match from.kind {
                NeighbourKind::Parent => ledger.set_note("roster", &text)?,
                NeighbourKind::Child => super::roster::take_part(self.session, from, &text)?,
            }
            brought = true;
        }
        Ok(brought)
    }

    /// The record of a key, its mirror made true first: a difference that nobody noted was missed by capture.
    pub(super) fn load(&mut self, table: TableNo, key: &Key) -> Result<Record> {
        let session = self.session;
        let shape = session.shape(table);
        let record = session.load(table, key)?;
        if !self.lifted.is_empty() && self.lifted.contains_key(&(table, key.clone())) {
            return Ok(record);
        }
        let Some(place) = session.place(&record)? else { return Ok(record) };
        let same = match &record.current {
            // Without numbers of other records the mirror's row is the very one.
            Some(image) if shape.numbers.is_empty() => session.database()?.holds(shape, &place, &image.row)?,
            Some(_) | None => {
                self.buffer.clear();
                let there = session.database()?.read(shape, &place, &mut self.buffer)?;
                let row = there.then_some(self.buffer.as_slice());
                let same = session.ledger.peek(shape, &place, |mirror| mirror == row)?;
                give_back(&mut self.buffer);
                same
            }
        };
        if same {
            return Ok(record);
        }
        let mut sealing = Sealing::new(session, CauseKind::Found);
        sealing.key(shape, &place, false, None)?;
        self.tally.found += sealing.changed;
        session.load(table, key)
    }

    /// Who else is there.
    pub(super) fn roster(&self) -> Result<&Roster> {
        if let Some(roster) = self.roster.get() {
            return Ok(roster);
        }
        let roster = super::roster::known(self.session)?;
        Ok(self.roster.get_or_init(|| roster))
    }

    pub(super) fn store_extra(&self, record: &mut Record) -> Result<()> {
        Ok(self.session.ledger.store_extra(record)?)
    }
}
